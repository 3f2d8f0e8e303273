// <conv-explorer>: a kernel moves over a grid; which inputs each output reads, with the size formula filled in.
//
// Controls (data-role): mode, preset, i, i-number, k, s, p, d, op (each with its -number), input-values, kernel-values,
// prev, play, next, cell, cell-number; grids: input, kernel, output, whose cells have data-key "row,column"
// (of the input: places, counted from the first input; padding has places below 0).
// state: {mode, i, k, s, p, d, output_padding, op, input, kernel, o, index, cell: [row, column], value, output,
//         reads: [[row, column]], weights, source, writes, overlap, even, unused, valid, drawn, message}
import { memo } from "../kit/memo.mjs";
import { makeWidget, publish, viewOf } from "../kit/mount.mjs";
import { clamp } from "../kit/numbers.mjs";
import { announcer, onceAFrame, player } from "../kit/play.mjs";
import { outputSize } from "../maths/sizes.mjs";
import { SHARED, builtOf, cellAfter, checkData, factsOf, keyOf } from "./facts.mjs";
import { convView } from "./view.mjs";
import { wordsOf } from "./words.mjs";

const PACE = 0.55; // seconds a cell while playing

// From cell to cell while playing, from the last one back to the first.
function walker(now, last, go) {
  let clock = 0;
  return (seconds) => {
    clock += seconds;
    if (clock < PACE) return true;
    clock = 0;
    go(now.cell >= last() ? 0 : now.cell + 1);
    return now.cell < last();
  };
}

function mount(root, data, changed) {
  checkData(data);
  const now = Object.fromEntries(SHARED.map((name) => [name, data[name]]));
  let source = null; // [row, column] of the input under the pointer or with the focus
  const once = memo();
  const built = () =>
    once("built", keyOf(now), () => {
      source = null;
      return builtOf(now);
    });
  const last = () => (built().o ?? 1) ** 2 - 1;
  const go = (cell) => change({ cell: clamp(cell, 0, last()) });
  const goTo = (cell) => {
    play.stop();
    go(cell);
  };
  const view = convView(now, data.traits, { change, goTo, source: toSource, output: toOutput });
  const live = announcer();
  view.panel.append(live.el);
  root.append(view.panel);

  function toSource(key) {
    if (!key && !source) return;
    source = key ? key.split(",").map(Number) : null;
    ask();
  }

  function toOutput(key) {
    const [row, column] = key.split(",").map(Number);
    const cell = row * built().o + column;
    if (cell !== now.cell) goTo(cell);
  }

  function change(patch) {
    const before = outputSize(now).o;
    Object.assign(now, patch);
    const after = outputSize(now).o;
    if (before && after && before !== after && patch.cell === undefined) {
      now.cell = patch.cell = cellAfter(now.cell, before, after);
    }
    changed(patch);
    ask();
  }

  const ask = onceAFrame(() => {
    const made = built();
    now.cell = clamp(now.cell, 0, last());
    if (made.o === null && play.playing()) play.stop();
    const facts = factsOf(now, made, source);
    const words = wordsOf(facts, now, made);
    view.draw(facts, made, words, source);
    live.say(words.spoken);
    publish(root, facts.state);
  });
  const play = player(view.play, walker(now, last, go));

  ask();
  return viewOf(now, ask, play, view.watcher, ask, live, view.panel);
}

const convExplorer = makeWidget("conv-explorer", mount, SHARED);
export default convExplorer;
