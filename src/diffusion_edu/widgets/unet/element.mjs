// <unet-explorer>: a U-Net as a diagram; choose a part and see its shapes, its costs, what it does, and its feature
// maps.
//
// Controls (data-role): model, t, part, part-number, prev, play, next, query, query-number, layers, table;
// box (one a part, data-name) are the parts of the diagram: click, or arrow keys along the way of the data.
// state: {model, label, part, index, kind, in_shape, out_shape, parameters, flops, parameters_share, flops_share,
//         total_parameters, total_flops, skip, joins, residual, heads, level, t, ts, maps, channels, scale, query,
//         query_largest, layers, table, ready}; maps is the number of feature maps on show
import { makeWidget, publish, viewOf } from "../kit/mount.mjs";
import { clamp } from "../kit/numbers.mjs";
import { announcer, onceAFrame, player, reducedMotion } from "../kit/play.mjs";
import { SHARED, factsOf, networksOf, storedOf, unpacked } from "./facts.mjs";
import { unetView } from "./view.mjs";
import { explain, factRows, mapsNote, statusWords } from "./words.mjs";

const PACE = 0.9; // seconds a part while walking

// From part to part while walking, from the last one back to the first.
function walker(index, last, goTo) {
  let waited = 0;
  return (seconds) => {
    waited += reducedMotion() ? PACE : seconds;
    if (waited < PACE) return true;
    waited = 0;
    const next = index() >= last() ? 0 : index() + 1;
    goTo(next);
    return next < last();
  };
}

function wordsOf(p, network, of, shown, { now, ts, first, message }) {
  const { scale, channels } = shown;
  const of_maps = { maps: channels.length, scale, first: now.model === 0, ts, t: now.t, label: first };
  return {
    ...statusWords(p, network, of, ts.length && now.model === 0 ? now.t : ""),
    explain: explain(p, of),
    facts: factRows(p, network, of),
    maps: message || mapsNote(p, of_maps),
  };
}

function mount(root, data, changed) {
  const { size, models, recording } = data;
  if (!Number.isInteger(size) || !models?.length) throw new Error("there is no network to draw.");
  const now = Object.fromEntries(SHARED.map((name) => [name, data[name]]));
  const networks = networksOf(models);
  const ts = recording?.ts ?? [];
  const maps = { recording, stored: null, message: "" };
  const network = () => networks[now.model];
  const of = (name) => network().parts.find((p) => p.name === name);
  const index = () => network().parts.findIndex((p) => p.name === now.part);
  const last = () => network().parts.length - 1;
  const step = (i) => change({ part: network().parts[clamp(i, 0, last())].name });
  const stopped = (move) => (value) => {
    play.stop();
    move(value);
  };
  const by = stopped((steps) => step(index() + steps));
  const moves = { goTo: stopped(step), pick: stopped((part) => change({ part })), by, model: stopped(toModel) };
  const view = unetView(now, { networks, ts, size }, { ...moves, change, redraw: () => ask() });
  const live = announcer();
  view.panel.append(live.el);
  root.append(view.panel);

  function change(patch) {
    Object.assign(now, patch);
    changed(patch);
    ask();
  }

  function toModel(model) {
    const stays = networks[model].parts.some((p) => p.name === now.part);
    change(stays ? { model } : { model, part: "x_t" });
  }

  const ask = onceAFrame(() => {
    const p = of(now.part) ?? network().parts[0];
    const shown = storedOf(now, maps, p.name, view.most);
    const about = { now, ts, first: networks[0].label, message: maps.message };
    const words = wordsOf(p, network(), of, shown, about);
    view.draw(p, network(), of, shown, words);
    live.say(words.spoken);
    const ready = !recording || Boolean(maps.stored || maps.message);
    const { table } = view.open;
    publish(root, { ...factsOf(now, network(), p, ts, shown), layers: p.layers.length, table, ready });
  });
  const play = player(view.play, walker(index, last, step), "Walk through");

  if (recording) {
    unpacked(data)
      .then((stored) => (maps.stored = stored))
      .catch((error) => (maps.message = `The feature maps cannot be shown: ${error.message}`))
      .finally(ask);
  } else ask();
  return viewOf(now, ask, play, ask, live, view.picture, view.panel);
}

const unetExplorer = makeWidget("unet-explorer", mount, SHARED);
export default unetExplorer;
