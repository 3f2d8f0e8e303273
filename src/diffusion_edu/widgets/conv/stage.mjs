// The three grids of <conv-explorer>: input, kernel, output; and the legend of their cells.
import { h, text } from "../kit/dom.mjs";
import { clamp } from "../kit/numbers.mjs";
import { tapsOf } from "../maths/convolution.mjs";
import { at } from "./facts.mjs";
import { squareGrid, squarePath } from "./grid.mjs";
import { minus, times } from "./words.mjs";

const ZEROS = { extra: "output padding: 0", pad: "padding: 0", gap: "between inputs: 0" };

function legendLine() {
  const sample = (kind, words, value = "") => {
    const cell = h("span", { class: `de-cg-cell ${kind} de-blue`, "aria-hidden": "true" }, h("span", {}, value));
    return h("span", {}, cell, words);
  };
  const items = {
    input: sample("", "input", "5"),
    pad: sample("is-pad", "zero of the padding", "0"),
    gap: sample("is-gap", "zero put between inputs", "0"),
    extra: sample("is-extra", "output padding", "0"),
    read: sample("is-read", "read by the marked output"),
    idle: sample("is-idle", "never read", "0"),
  };
  return {
    el: h("p", { class: "de-ce-legend" }, ...Object.values(items)),
    draw(places) {
      for (const kind of Object.keys(ZEROS)) items[kind].hidden = !places.some((a) => a.kind === kind);
      items.idle.hidden = places.every((a) => a.used);
    },
  };
}

// The cell of the input at two places; where both are zeros of different sorts, the outer sort counts.
function inputCell(a, b, input) {
  const kind = Object.keys(ZEROS).find((name) => a.kind === name || b.kind === name) ?? "input";
  const inside = kind === "input";
  const value = inside ? input[a.source][b.source] : 0;
  const words = inside ? `input ${a.source}, ${b.source}: ${value}` : ZEROS[kind];
  const classes = `${inside ? "" : `is-${kind}`} ${a.used && b.used ? "" : "is-idle"}`;
  return { key: at(a.place, b.place), words, value: minus(value), live: inside, classes };
}

function kernelCell(value, u, v) {
  return { key: at(u, v), words: `weight ${u}, ${v}: ${minus(value)}`, value: minus(value), classes: "" };
}

function outputCell(value, y, x, count, shade) {
  const words = `output ${y}, ${x}: ${minus(value)}, ${times(count, "input")}`;
  return { key: at(y, x), words, value: minus(value), classes: "", live: true, shade };
}

const cellsOf = (rows, cell) => rows.map((row, r) => row.map((value, c) => cell(value, r, c)));

function build(grids, captions, { mode, i, k }, { input, kernel, output, places, overlap, o }) {
  const most = Math.max(...overlap) ** 2;
  const count = (y, x) => overlap[y] * overlap[x];
  const shade = (y, x) => (mode === "transpose" ? count(y, x) / most : 0);
  grids.input.build(places.map((a) => places.map((b) => inputCell(a, b, input))));
  grids.kernel.build(cellsOf(kernel, kernelCell));
  grids.output.build(cellsOf(output, (value, y, x) => outputCell(value, y, x, count(y, x), shade(y, x))));
  const n = places.length;
  grids.input.label(`Input, ${i} by ${i}${n > i ? `, with zeros ${n} by ${n}` : ""}`);
  grids.kernel.label(`Kernel, ${k} by ${k}`);
  grids.output.label(`Output, ${o} by ${o}`);
  text(captions.input, `input ${i} × ${i}${n > i ? `, with zeros ${n} × ${n}` : ""}`);
  text(captions.kernel, `kernel ${k} × ${k}`);
  text(captions.output, `output ${o} × ${o}`);
}

// What is read and written now; source: the place of the input under the pointer, or null.
function mark(grids, now, low, { state, goes }, source) {
  const [y, x] = state.cell;
  const places = [y, x].map((v) => tapsOf(now, v).map((tap) => tap.place));
  const isRead = (key) => key.split(",").every((v, side) => places[side].includes(Number(v)));
  grids.input.mark("is-read", (key) => !goes && isRead(key));
  grids.input.mark("is-source", (key) => source && key === at(...source));
  const written = new Set((state.writes ?? []).map(([a, b]) => at(a, b)));
  grids.output.mark("is-read", (key) => written.has(key));
  grids.output.mark("is-now", (key) => key === at(y, x));
  grids.output.choose(at(y, x));
  const reach = now.d * (now.k - 1) + 1;
  grids.input.frame(goes ? [] : [["violet", squarePath(places[0][0] - low, places[1][0] - low, reach)]]);
  grids.output.frame([["teal", squarePath(y, x, 1)]]);
}

// on: {source(key or null), output(key)}; status: the line below, which gets room for the longest sum.
export function stageView(now, status, on) {
  const grids = {
    input: squareGrid({ role: "input", colour: "blue", oncell: on.source, onleave: () => on.source(null) }),
    kernel: squareGrid({ role: "kernel", colour: "violet" }),
    output: squareGrid({ role: "output", colour: "teal", oncell: on.output }),
  };
  const captions = Object.fromEntries(Object.keys(grids).map((name) => [name, h("figcaption")]));
  const figure = ([name, grid]) => h("figure", { class: "de-frame" }, captions[name], grid.el);
  const el = h("div", { class: "de-ce-stage" }, ...Object.entries(grids).map(figure));
  const legend = legendLine();
  let shown = { drawn: false };

  // One size of cell for all three grids: side by side where they stay legible, else below one another.
  function resize() {
    if (!shown.drawn) return;
    const width = el.clientWidth || 300;
    const sides = [shown.places.length, now.k, shown.o];
    const line = (width - 52) / (sides[0] + Math.max(sides[1], 2.6) + Math.max(sides[2], 2.6));
    const cell = clamp(Math.floor(line >= 20 ? line : Math.min(32, (width - 2) / Math.max(...sides))), 12, 36);
    el.style.setProperty("--cell", `${cell}px`);
    // Room for the longest sum, so that what follows stays where it is while the kernel moves.
    const lines = Math.ceil((6.5 * now.k ** 2 + 60) / (width / 7.2));
    status.style.minHeight = `${1.4 * lines}em`;
  }
  const watcher = new ResizeObserver(resize);
  watcher.observe(el);
  return {
    ...{ el, legend: legend.el, watcher },
    build(built) {
      shown = built;
      if (built.drawn) build(grids, captions, now, built);
      if (built.drawn) legend.draw(built.places);
      resize();
    },
    mark: (facts, source) => mark(grids, now, shown.low, facts, source),
  };
}
