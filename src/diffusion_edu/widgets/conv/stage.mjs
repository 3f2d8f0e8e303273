// The three grids of <conv-explorer>: input, kernel, output; and the legend of their cells.
import { h, text } from "../kit/dom.mjs";
import { clamp } from "../kit/numbers.mjs";
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
function mark(grids, now, { low, kernel }, { state, goes, window }, source) {
  const [y, x] = state.cell;
  grids.input.mark("is-read", (key) => !goes && window.has(key));
  grids.input.corners((key) => {
    const [u, v] = (!goes && window.get(key)?.split(",")) || [];
    return u === undefined ? undefined : minus(kernel[u][v]);
  });
  grids.input.mark("is-source", (key) => source && key === at(...source));
  const written = new Set((state.writes ?? []).map(([a, b]) => at(a, b)));
  grids.output.mark("is-read", (key) => written.has(key));
  grids.output.mark("is-now", (key) => key === at(y, x));
  grids.output.choose(at(y, x));
  const reach = now.d * (now.k - 1) + 1;
  const [row, column] = Array.from(window.keys())[0]
    .split(",")
    .map((v) => Number(v) - low);
  grids.input.frame(goes ? [] : [["violet", squarePath(row, column, reach)]]);
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
  /** @type {any} */
  let shown = { drawn: false };

  // One size of cell for all three grids: side by side where the cells stay large, else kernel and output together
  // below the input. Smaller than legible they never are: a grid too wide for its place scrolls.
  function resize() {
    if (!shown.drawn) return;
    const width = el.clientWidth || 300;
    const [input, kernel, output] = [shown.places.length, Math.max(now.k, 2.6), Math.max(shown.o, 2.6)];
    const line = (width - 64) / (input + kernel + output);
    const below = Math.min(32, (width - 6) / input, (width - 34) / (kernel + output));
    const long = Math.max(...shown.output.flat().map((v) => String(v).length));
    const least = long > 2 ? 26 : 22;
    const alone = Math.min(32, (width - 6) / Math.max(input, output));
    const cell = clamp(Math.floor([line, below].find((v) => v >= 24) ?? alone), least, 36);
    el.style.setProperty("--cell", `${cell}px`);
    el.classList.toggle("is-small", cell < 24);
    // Room for the longest sum, so that what follows stays where it is while the kernel moves.
    const lines = Math.ceil((7.5 * now.k ** 2 + 60) / (width / 7.2));
    status.style.minHeight = `${24 * lines}px`;
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
    mark: (facts, source) => mark(grids, now, shown, facts, source),
    // The two factors of a product, or none: {place, weight} or null.
    light(product) {
      grids.input.mark("is-lit", (key) => key === product?.place);
      grids.kernel.mark("is-lit", (key) => key === product?.weight);
    },
  };
}
