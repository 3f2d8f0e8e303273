// <x-t-explorer>: x_t at any step t, for stored pictures or one of the reader's own.
//
// Controls (data-role): picture (one radio button a picture), file, colour, schedule, t, t-number, play, new-noise,
// cover (where the payload begins covered).
// state: {t, T, schedule, seed, picture, alpha_bar, signal, noise, snr, snr_db, mean, std, noise_source}
// Noise: for the seed of the payload it is the package's own (torch.randn with a generator of that seed, stored as
// float32); for every other seed, and for a picture with other channels, it is gaussian(seed) of maths/noise.mjs.
import { makeWidget, publish, viewOf } from "../kit/mount.mjs";
import { clamp } from "../kit/numbers.mjs";
import { announcer, onceAFrame, player, reducedMotion } from "../kit/play.mjs";
import { toX0 } from "../kit/unpack.mjs";
import { readPicture } from "../kit/upload.mjs";
import { makeWorld, unpacked } from "./facts.mjs";
import { xtView } from "./view.mjs";
import { PLAY, wordsOf } from "./words.mjs";

const SECONDS = 8; // of playing from 0 to T

// Moves t on while playing, from here to T; at T it begins anew.
function walker(now, T, change) {
  let place = now.t;
  return (seconds) => {
    if (Math.round(place) !== now.t) place = now.t;
    if (now.t >= T) place = 0;
    place = reducedMotion() ? now.t + T / 10 : place + (seconds * T) / SECONDS;
    place = clamp(place, 0, T);
    change({ t: Math.round(place) });
    return place < T;
  };
}

function acceptDrops(panel, load) {
  const drop = (event) => {
    event.preventDefault();
    panel.classList.toggle("de-over", event.type === "dragover");
    if (event.type === "drop" && event.dataTransfer.files[0]) load(event.dataTransfer.files[0]);
  };
  for (const type of ["dragover", "dragleave", "drop"]) panel.addEventListener(type, drop);
}

function mount(root, raw, changed) {
  const data = unpacked(raw);
  const { size, labels, T } = data;
  const now = { t: data.t, schedule: data.schedule, seed: data.seed, picture: data.picture };
  // an image of the reader's, and whether x_0 and the noise are covered
  const own = { file: null, colour: data.channels === 3, x0: null, version: 0, covered: Boolean(data.covered) };
  const world = makeWorld(data);
  const goTo = (t) => {
    play.stop();
    change({ t });
  };
  const mark = (name, then) => (on) => then(Object.assign(own, { [name]: on }));
  const [colour, cover] = [mark("colour", () => load(own.file)), mark("covered", () => ask())];
  const renew = () => change({ seed: now.seed + 1 });
  const view = xtView(now, data, { change, goTo, file: load, colour, cover, renew });
  const live = announcer();
  view.panel.append(live.el);
  root.append(view.panel);
  acceptDrops(view.panel, load);

  function change(patch) {
    Object.assign(now, patch);
    if ("picture" in patch) {
      view.problem.calm();
      if (patch.picture >= 0) view.images.colour.hidden = true;
    }
    changed(patch);
    ask();
  }

  async function load(chosen) {
    if (!chosen) return;
    play.stop();
    try {
      const x0 = toX0(await readPicture(chosen, size, own.colour));
      Object.assign(own, { x0, file: chosen, version: own.version + 1 });
      now.picture = -1;
      view.images.colour.hidden = false;
      view.problem.calm();
    } catch (error) {
      view.problem.warn(error.message);
    }
    view.images.file.value = "";
    ask();
  }

  const play = player(view.play, walker(now, T, change), PLAY);
  const ask = onceAFrame(() => {
    const facts = world.facts(now, own);
    const table = world.table(now.schedule);
    const what = now.picture < 0 ? "your image" : labels[now.picture];
    const words = wordsOf(facts, what, table.alphaBar[T], own.covered);
    view.draw(facts, world.pair(now, own), table, words);
    live.say(words.spoken);
    publish(root, facts);
  });

  ask();
  return viewOf(now, ask, play, ask, live, ...view.charts, view.panel);
}

const xtExplorer = makeWidget("x-t-explorer", mount, ["t", "schedule", "seed", "picture"]);
export default xtExplorer;
