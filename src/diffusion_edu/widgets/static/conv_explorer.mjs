// <conv-explorer>: a kernel moves over a grid; which inputs each output reads, with the size formula filled in.
//
// Controls (data-role): mode, preset, i, i-number, k, s, p, d, op (each with its -number), input-values, kernel-values,
// prev, play, next, cell, cell-number; grids: input, kernel, output, whose cells have data-key "row,column"
// (of the input: places, counted from the first input; padding has places below 0).
// state: {mode, i, k, s, p, d, output_padding, op, input, kernel, o, index, cell: [row, column], value, output,
//         reads: [[row, column]], weights, source, writes, overlap, even, unused, valid, drawn, message}
import { announcer, clamp, h, iconButton, makeWidget, math, onceAFrame, player, publish, select, slider, text, viewOf } from "./common.mjs";
import { CONV_INPUTS, CONV_KERNELS, CONV_LIMITS, CONV_MODES, convEven, convFormula, convInput, convKernel, convOverlap, convPlaces, convSize, convTaps, convTerms, convWrites, convolve } from "./convolution.mjs";
import { CONV_PRESETS, convRemark, minus, sayInput, sayOutput, times } from "./conv_words.mjs";
import { GRID_CSS, squareGrid, squarePath } from "./conv_grid.mjs";

const CE_SHARED = ["mode", "i", "k", "s", "p", "d", "output_padding", "cell", "input", "kernel"];
const CE_SIZES = ["i", "k", "s", "p", "d", "output_padding"];
const CE_MOST = 19; // cells along a side that stay legible on a telephone
const CE_PACE = 0.55; // seconds a cell while playing
const CE_NAMES = { i: "input size i", k: "kernel size k", s: "stride s", p: "padding p", d: "dilation d", output_padding: "output padding" };

const CE_CSS = `${GRID_CSS}
.de-ce-controls{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:2px 20px}
.de-ce-controls .de-slider{grid-template-columns:auto minmax(48px,1fr) auto;gap:4px 8px;--w-label:1.1em}
.de-widget .de-ce-controls input[type=number]{width:3.1rem}
.de-ce-formula{margin:0;min-height:2.9em}.de-ce-formula b{font-weight:600}
.de-ce-stage{display:flex;flex-wrap:wrap;gap:14px 24px;justify-content:center;align-items:flex-start}
.de-widget .de-ce-stage figure{margin:0;padding:0}
.de-ce-pick{flex:1 1 16rem}.de-ce-pick>label{white-space:nowrap}.de-ce-pick select{min-width:0;width:100%}
.de-ce-walk{display:grid;grid-template-columns:auto minmax(0,1fr);gap:8px 14px;align-items:center}
.de-ce-sum{margin:0;overflow-wrap:anywhere}
.de-ce-legend{display:flex;flex-wrap:wrap;gap:4px 14px;margin:0;color:var(--w-muted);font-size:.78rem}
.de-ce-legend>span{display:inline-flex;align-items:center;gap:5px}
.de-ce-legend .de-cg-cell{--cell:16px;font-size:9px}
@container (max-width:520px){.de-ce-controls{grid-template-columns:repeat(2,minmax(0,1fr));gap:2px 12px}
  .de-ce-controls .de-slider{gap:4px 6px}.de-ce-formula{min-height:4.3em}.de-ce-walk{grid-template-columns:1fr}}
`;

const at = (r, c) => `${r},${c}`;
function checkData(data) {
  if (!CONV_MODES.includes(data.mode)) throw new Error(`mode must be one of ${CONV_MODES.join(", ")}, got ${data.mode}`);
  for (const name of CE_SIZES) {
    const [low, high] = CONV_LIMITS[name];
    if (!Number.isInteger(data[name]) || data[name] < low || data[name] > high) throw new Error(`${name} must be a whole number in ${low}..${high}, got ${data[name]}`);
  }
}

function ceControls(now, change, goTo) {
  const size = (name) => {
    const [min, max] = CONV_LIMITS[name];
    const label = name === "output_padding" ? "op" : math(name);
    return slider({ role: name === "output_padding" ? "op" : name, label, name: CE_NAMES[name], min, max, colour: { i: "blue", k: "violet" }[name] ?? "grey", oninput: (v) => change({ [name]: v }) });
  };
  const presets = [["own", "your own settings"], ...CONV_PRESETS.map(({ words }, n) => [String(n), words])];
  return {
    mode: select({ role: "mode", label: "operation", options: [["conv", "convolution"], ["transpose", "transposed convolution"]], value: now.mode, onpick: (v) => change({ mode: v }) }),
    preset: select({ role: "preset", label: "example", options: presets, value: "own", onpick: (v) => CONV_PRESETS[v] && change({ ...CONV_PRESETS[v].setting, ...CONV_PRESETS[v].numbers, cell: 0 }) }),
    input: select({ role: "input-values", label: "input", options: CONV_INPUTS, value: now.input, onpick: (v) => change({ input: v }) }),
    kernel: select({ role: "kernel-values", label: "kernel", options: CONV_KERNELS, value: now.kernel, onpick: (v) => change({ kernel: v }) }),
    sizes: Object.fromEntries(CE_SIZES.map((name) => [name, size(name)])),
    cell: slider({ role: "cell", label: "output", name: "output cell, row by row", min: 0, max: 1, colour: "teal", oninput: goTo }),
  };
}

function legendLine() {
  const sample = (kind, words, value = "") => {
    const el = h("span", {}, h("span", { class: `de-cg-cell ${kind} de-blue`, "aria-hidden": "true" }, h("span", {}, value)), words);
    return el;
  };
  const items = {
    input: sample("", "input", "5"),
    pad: sample("is-pad", "zero of the padding", "0"),
    gap: sample("is-gap", "zero put between inputs", "0"),
    extra: sample("is-extra", "output padding", "0"),
    read: sample("is-read", "read by the marked output"),
    idle: sample("is-idle", "never read", "0"),
  };
  return { items, el: h("p", { class: "de-ce-legend" }, ...Object.values(items)) };
}

function mountConvolution(root, data, changed) {
  checkData(data);
  const now = Object.fromEntries(CE_SHARED.map((name) => [name, data[name]]));
  let source = null; // [row, column] of the input under the pointer or with the focus
  let shown = { key: "", o: null };
  let clock = 0;

  const last = () => (shown.o ?? 1) ** 2 - 1;
  const go = (index) => change({ cell: clamp(index, 0, last()) });
  const goTo = (index) => {
    play.stop();
    go(index);
  };
  const controls = ceControls(now, change, goTo);
  const buttons = {
    prev: iconButton("prev", "prev", "One output back", () => goTo(now.cell - 1)),
    play: iconButton("play", "play", "Play", null, true),
    next: iconButton("next", "next", "One output on", () => goTo(now.cell + 1)),
  };
  const play = player(buttons.play, (seconds) => {
    clock += seconds;
    if (clock < CE_PACE) return true;
    clock = 0;
    go(now.cell >= last() ? 0 : now.cell + 1);
    return now.cell < last();
  });
  controls.preset.el.classList.add("de-ce-pick");
  const grids = {
    input: squareGrid({ role: "input", colour: "blue", oncell: toSource, onleave: () => source && toSource(null) }),
    kernel: squareGrid({ role: "kernel", colour: "violet" }),
    output: squareGrid({ role: "output", colour: "teal", oncell: toOutput }),
  };
  const captions = Object.fromEntries(Object.keys(grids).map((name) => [name, h("figcaption")]));
  const stage = h("div", { class: "de-ce-stage" }, ...Object.entries(grids).map(([name, grid]) => h("figure", { class: "de-frame" }, captions[name], grid.el)));
  const warning = h("p", { class: "de-warn de-orange" });
  const arena = h("div", {}, warning, stage);
  const formula = h("p", { class: "de-ce-formula" });
  const status = h("p", { class: "de-status de-ce-sum" });
  const note = h("p", { class: "de-note" });
  const hint = h("p", { class: "de-note" }, "Point at an output to see what it reads, or at an input to see where it goes. Tab and the arrow keys walk through both.");
  const legend = legendLine();
  const live = announcer();
  const panel = h("div", { class: "de-panel", role: "group", "aria-label": "Explorer of convolutions" },
    h("style", {}, CE_CSS),
    h("div", { class: "de-row" }, controls.mode.el, controls.preset.el),
    h("div", { class: "de-ce-controls" }, ...Object.values(controls.sizes).map((c) => c.el)),
    h("div", { class: "de-row" }, controls.input.el, controls.kernel.el),
    formula,
    h("div", { class: "de-ce-walk" }, h("div", { class: "de-row" }, buttons.prev.el, buttons.play.el, buttons.next.el), controls.cell.el),
    arena, status, legend.el, note, hint, live.el);
  root.append(panel);

  function toSource(key) {
    source = key ? key.split(",").map(Number) : null;
    ask();
  }

  function toOutput(key) {
    const [row, column] = key.split(",").map(Number);
    if (row * shown.o + column === now.cell) return;
    goTo(row * shown.o + column);
  }

  function change(patch) {
    const before = convSize(now).o;
    Object.assign(now, patch);
    const after = convSize(now).o;
    if (before && after && before !== after && patch.cell === undefined) {
      // The marked output stays in its row and column, as far as there is one.
      const [row, column] = [Math.floor(now.cell / before), now.cell % before];
      now.cell = Math.min(row, after - 1) * after + Math.min(column, after - 1);
      patch.cell = now.cell;
    }
    changed(patch);
    ask();
  }

  // Everything that does not depend on the marked cell.
  function build() {
    const key = JSON.stringify(CE_SHARED.filter((name) => name !== "cell").map((name) => now[name]));
    if (shown.key === key) return;
    const { o, message } = convSize(now);
    const input = convInput(now.input, now.i);
    const kernel = convKernel(now.kernel, now.k);
    const output = convolve(now, input, kernel);
    const places = o ? convPlaces(now, o) : [];
    const overlap = convOverlap(now);
    const unused = now.mode === "conv" && o ? (now.i + 2 * now.p - now.d * (now.k - 1) - 1) % now.s : 0;
    const drawn = Boolean(o) && Math.max(places.length, o) <= CE_MOST;
    source = null;
    shown = { key, o, message, input, kernel, output, places, overlap, unused, drawn, low: places[0]?.place ?? 0 };
    if (drawn) fill();
    resize();
  }

  function fill() {
    const { input, kernel, output, places, overlap, o } = shown;
    const most = Math.max(...overlap) ** 2;
    const names = { pad: "padding: 0", gap: "between inputs: 0", extra: "output padding: 0" };
    grids.input.build(places.map((a) => places.map((b) => {
      const kind = [a.kind, b.kind].find((name) => name === "extra") ?? [a.kind, b.kind].find((name) => name === "pad") ?? [a.kind, b.kind].find((name) => name === "gap") ?? "input";
      const value = kind === "input" ? input[a.source][b.source] : 0;
      const words = kind === "input" ? `input ${a.source}, ${b.source}: ${value}` : names[kind];
      return { key: at(a.place, b.place), words, value: minus(value), live: kind === "input", classes: `${kind === "input" ? "" : `is-${kind}`} ${a.used && b.used ? "" : "is-idle"}` };
    })));
    grids.kernel.build(kernel.map((row, u) => row.map((value, v) => ({ key: at(u, v), words: `weight ${u}, ${v}: ${minus(value)}`, value: minus(value), classes: "" }))));
    grids.output.build(output.map((row, y) => row.map((value, x) => ({
      key: at(y, x), words: `output ${y}, ${x}: ${minus(value)}, ${times(overlap[y] * overlap[x], "input")}`, value: minus(value), classes: "", live: true,
      shade: now.mode === "transpose" ? (overlap[y] * overlap[x]) / most : 0,
    }))));
    grids.input.label(`Input, ${now.i} by ${now.i}${places.length > now.i ? `, with zeros ${places.length} by ${places.length}` : ""}`);
    grids.kernel.label(`Kernel, ${now.k} by ${now.k}`);
    grids.output.label(`Output, ${o} by ${o}`);
    const n = places.length;
    text(captions.input, `input ${now.i} × ${now.i}${n > now.i ? `, with zeros ${n} × ${n}` : ""}`);
    text(captions.kernel, `kernel ${now.k} × ${now.k}`);
    text(captions.output, `output ${o} × ${o}`);
    const kinds = new Set(places.map((a) => a.kind));
    for (const kind of ["pad", "gap", "extra"]) legend.items[kind].hidden = !kinds.has(kind);
    legend.items.idle.hidden = places.every((a) => a.used);
  }

  // One size of cell for all three grids: side by side where they stay legible, else below one another.
  function resize() {
    if (!shown.drawn) return;
    const width = stage.clientWidth || 300;
    const sides = [shown.places.length, now.k, shown.o];
    const row = (width - 52) / (sides[0] + Math.max(sides[1], 2.6) + Math.max(sides[2], 2.6));
    const cell = clamp(Math.floor(row >= 20 ? row : Math.min(32, (width - 2) / Math.max(...sides))), 12, 36);
    stage.style.setProperty("--cell", `${cell}px`);
    // Room for the longest sum, so that what follows stays where it is while the kernel moves.
    const lines = Math.ceil((6.5 * now.k ** 2 + 60) / (width / 7.2));
    status.style.minHeight = `${1.4 * lines}em`;
  }
  const watcher = new ResizeObserver(resize);
  watcher.observe(stage);

  const ask = onceAFrame(() => {
    build();
    const { o, message, drawn } = shown;
    const valid = o !== null;
    now.cell = clamp(now.cell, 0, last());
    if (!valid && play.playing()) play.stop();
    controls.mode.input.value = now.mode;
    controls.input.input.value = now.input;
    controls.kernel.input.value = now.kernel;
    const preset = CONV_PRESETS.findIndex(({ setting, numbers }) => Object.entries({ ...setting, ...numbers }).every(([name, v]) => now[name] === v || (name === "output_padding" && now.mode === "conv")));
    controls.preset.input.value = preset < 0 ? "own" : String(preset);
    for (const name of CE_SIZES) controls.sizes[name].set(now[name]);
    controls.sizes.output_padding.el.hidden = now.mode === "conv";
    controls.cell.limit(0, last());
    controls.cell.set(now.cell);
    controls.cell.range.setAttribute("aria-valuetext", valid ? `row ${Math.floor(now.cell / o)}, column ${now.cell % o}` : "no output");
    for (const control of [controls.cell.range, controls.cell.box, buttons.prev.el, buttons.play.el, buttons.next.el]) control.disabled = !valid;
    const [rule, numbers] = convFormula(now);
    formula.replaceChildren(rule, h("br"), h("b", {}, numbers));
    // Where nothing is drawn the room stays, so that what follows does not jump.
    arena.style.minHeight = drawn ? "" : `${arena.offsetHeight}px`;
    stage.hidden = legend.el.hidden = hint.hidden = !drawn;
    warning.hidden = drawn;
    if (!drawn) warning.replaceChildren(valid ? `The size is right, but ${Math.max(shown.places.length, o)} cells a side are too many to draw here. A smaller i, s, d or k helps.` : `No such ${now.mode === "conv" ? "convolution" : "transposed convolution"}: ${message}`);
    text(note, valid ? convRemark(now, o, shown.unused) : "");
    show(valid);
  });

  function show(valid) {
    const { o, input, kernel, output, overlap, drawn, message, unused } = shown;
    const [y, x] = valid ? [Math.floor(now.cell / o), now.cell % o] : [0, 0];
    const terms = valid ? convTerms(now, input, kernel, y, x) : [];
    const goes = source && valid ? source.map((place) => convWrites(now, o, now.mode === "conv" ? place : place / now.s)) : null;
    const origin = source?.map((place) => (now.mode === "conv" ? place : place / now.s)) ?? null;
    const state = {
      ...now, op: now.output_padding, o, index: now.cell, cell: [y, x], value: valid ? output[y][x] : null, valid, drawn, message, unused,
      reads: terms.map(({ row, column }) => [row, column]), weights: terms.map(({ weight }) => weight), source: origin,
      writes: goes ? goes[0].flatMap((a) => goes[1].map((b) => [a.y, b.y])) : null,
      overlap: valid ? overlap.map((a) => overlap.map((b) => a * b)) : null, even: convEven(now), output,
    };
    if (drawn) mark(state, y, x, goes);
    const name = `output (${y}, ${x})`;
    if (!valid) status.replaceChildren("There is no output.");
    else if (goes) status.replaceChildren(...sayInput(origin, input[origin[0]][origin[1]], goes, kernel));
    else status.replaceChildren(...sayOutput(now.k, [y, x], terms, state.value));
    const spoken = state.writes ? `Input (${origin}) goes into ${times(state.writes.length, "output")}.` : `${name} of ${o} by ${o} is ${minus(state.value)}, from ${times(terms.length, "input")}.`;
    live.say(valid ? spoken : `No output. ${message}`);
    publish(root, state);
  }

  function mark(state, y, x, goes) {
    const places = [y, x].map((v) => convTaps(now, v).map((tap) => tap.place));
    const isRead = (key) => key.split(",").every((v, axis) => places[axis].includes(Number(v)));
    grids.input.mark("is-read", (key) => !goes && isRead(key));
    grids.input.mark("is-source", (key) => source && key === at(...source));
    const written = new Set((state.writes ?? []).map(([a, b]) => at(a, b)));
    grids.output.mark("is-read", (key) => written.has(key));
    grids.output.mark("is-now", (key) => key === at(y, x));
    grids.output.choose(at(y, x));
    const reach = now.d * (now.k - 1) + 1;
    grids.input.frame(goes ? [] : [["violet", squarePath(places[0][0] - shown.low, places[1][0] - shown.low, reach)]]);
    grids.output.frame([["teal", squarePath(y, x, 1)]]);
  }

  ask();
  return viewOf(now, ask, play, watcher, ask, live, panel);
}

const convExplorer = makeWidget("conv-explorer", mountConvolution, CE_SHARED);
export default convExplorer;
