// <cascade-player>: stored runs of a cascade, one time axis over its networks: the estimate of x_0 of each, and the
// noised image that each upscaler was given.
//
// Controls (data-role): prompt, seed, level, stage (one button a network: its first state), prev, play, next, frame,
// frame-number.
// state: {prompt, seed, level, frame, text, network, state, states, size, t, noise {s, signal, noise, share}, networks:
//         [{size, reads, told, phase: waits | runs | done, t, tile, told_tile}, ...], ready}
import { makeWidget, publish, viewOf } from "../kit/mount.mjs";
import { clamp } from "../kit/numbers.mjs";
import { announcer, onceAFrame, player, walker } from "../kit/play.mjs";
import { sheetOf } from "../kit/sheet.mjs";
import { SHARED, factsOf, framesOf, unpacked } from "./facts.mjs";
import { cascadeView } from "./view.mjs";
import { wordsOf } from "./words.mjs";

const SECONDS = 10; // that a whole run is played for

function mount(root, raw, changed) {
  const data = unpacked(raw);
  const now = Object.fromEntries(SHARED.map((name) => [name, data[name]]));
  const last = () => framesOf(data) - 1;
  const goTo = (frame) => {
    play.stop();
    change({ frame });
  };
  const view = cascadeView(data, now, { change, goTo });
  const live = announcer();
  view.panel.append(live.el);
  root.append(view.panel);
  let waiting = data.networks.length;

  function change(patch) {
    Object.assign(now, patch);
    changed(patch);
    ask();
  }

  const ask = onceAFrame(() => {
    now.frame = clamp(now.frame, 0, last());
    const facts = factsOf(now, data);
    const words = wordsOf(data, facts);
    view.draw(facts, words, tiles);
    live.say(words.spoken);
    publish(root, { ...facts, ready: waiting === 0 });
  });
  const loaded = () => {
    waiting -= 1;
    ask();
  };
  const failed = () => view.problem.warn("The stored images cannot be shown.");
  const tiles = data.networks.map((network) => sheetOf(network, loaded, failed));
  const walk = walker(now, last, () => SECONDS, change);
  const play = player(view.play, walk);

  ask();
  return viewOf(now, ask, play, ask, live, view.panel);
}

const cascadePlayer = makeWidget("cascade-player", mount, SHARED);
export default cascadePlayer;
