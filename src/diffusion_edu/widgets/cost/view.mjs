// What is seen of <cost-explorer>: choices, tiles, bars, the roofline.
import { chart } from "../kit/chart.mjs";
import { ladder, select, slider } from "../kit/controls.mjs";
import { h, note, panel, text } from "../kit/dom.mjs";
import { clamp, thousands, withUnit } from "../kit/numbers.mjs";
import { NOTE, epochWords, percent } from "./words.mjs";

const DOUBLES = Array.from({ length: 13 }, (_, i) => 2 ** i);
const ROUNDS = [4, 5, 6, 7, 8, 9].flatMap((power) => [1, 1.5, 2, 3, 5, 7].map((m) => m * 10 ** power)).concat(1e10);

// One colour, one meaning: blue the resolutions of the images, violet the copies of the weights, teal the batch and its
// activations, orange the share of the peak.
const CSS = `
.de-co{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:16px 24px;align-items:start}
.de-co-top{grid-template-columns:minmax(0,5fr) minmax(0,8fr)}
.de-co>div,.de-co-answer{display:grid;gap:10px;min-width:0}
.de-co-picks{display:grid;grid-template-columns:5.6em minmax(0,1fr);gap:10px;align-items:center}
.de-co-picks>.de-label{display:contents}.de-co-picks select{width:100%;min-width:0}
.de-co .de-slider{grid-template-columns:5.6em minmax(50px,1fr) 7.4em}
.de-widget .de-co .de-slider input:not([type=range]){width:100%;padding:4px 2px 4px 8px;font:inherit;min-height:32px;
  font-size:.8125rem;color:var(--w-text);background:var(--w-surface);border-radius:8px;
  border:1px solid color-mix(in srgb,var(--w-grey) 75%,transparent)}
.de-co-fold>summary{cursor:pointer;min-height:32px;padding:5px 0;color:var(--w-muted);font-size:.8125rem}
.de-co-fold>summary:focus-visible{outline:2px solid var(--w-teal);outline-offset:2px;border-radius:4px}
.de-co-fold>summary b{font-weight:400;color:var(--w-text)}.de-co-folded{display:grid;gap:10px;padding-top:8px}
.de-co-answer{gap:2px}.de-co-verdict{margin:0;font-size:1.15rem;line-height:1.25}
.de-co-verdict b{font-size:1.7rem;font-weight:600}
.de-co-tiles{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:10px}
.de-co-tile{border-top:2px solid var(--w-border);padding-top:6px;min-width:0}
.de-co-tile span{display:block;font-size:.78rem;color:var(--w-muted)}
.de-co-tile b{display:block;font-size:1.2rem;font-weight:600;line-height:1.3}
.de-co-title{margin:0;font-size:.8125rem;font-weight:600;display:flex;justify-content:space-between;gap:8px}
.de-co-title span{color:var(--w-muted);font-weight:400}
.de-co-bar{position:relative;display:flex;height:24px;border-radius:4px;background:var(--w-soft);overflow:hidden}
.de-co-bar i{display:block;height:100%;border-right:1px solid var(--w-surface);flex:none}
.de-co :is(.de-co-bar,.de-co-key) i{background:color-mix(in srgb,var(--c) var(--tone,100%),var(--w-surface))}
.de-co-bar u{position:absolute;top:0;bottom:0;width:0;border-left:2px dashed var(--w-text)}
.de-co-key{display:flex;flex-wrap:wrap;gap:2px 12px;font-size:.78rem;color:var(--w-muted);margin:4px 0 0;padding:0;
  list-style:none}
.de-co-said{min-height:2.8em}
.de-co-key li{margin:0;padding:0;white-space:nowrap}
.de-co-key i{display:inline-block;width:13px;height:11px;border-radius:2px;margin-right:5px;vertical-align:-1px}
.de-co .de-chart svg{height:190px}.de-co .de-chart-head{white-space:normal}
.de-co .de-chart .de-thin{--c:var(--w-orange);stroke-width:2}
.de-co .de-chart .de-dot{fill:var(--w-text)}
@container (max-width:620px){.de-co,.de-co-top{grid-template-columns:minmax(0,1fr);gap:8px}.de-co-picks{gap:6px 10px}
.de-co .de-slider{grid-template-columns:5.6em minmax(50px,1fr) 7.6em}.de-co>div{gap:6px}
.de-co-tiles,.de-co-tiles~*{order:1}.de-co-main{order:0}.de-co-tile b{font-size:1rem}}
`;

function choicesOf(now, data, change) {
  const pick = (role, label, options) => {
    const onpick = (v) => change({ [role]: role === "side" ? Number(v) : v });
    return select({ role, label, options, value: String(now[role]), onpick });
  };
  const labels = (table) => Object.entries(table).map(([name, entry]) => [name, entry.label]);
  const sides = Object.keys(data.networks[now.network].sides).map((side) => [side, `${side}×${side}`]);
  return {
    network: pick("network", "Network", labels(data.networks)),
    machine: pick("machine", "Machine", labels(data.machines)),
    side: pick("side", "Image size", sides),
    precision: pick("precision", "Arithmetic", data.traits.precision.choices),
  };
}

// A box for a large number, written with its separators, in place of the slider's own box, which can hold none.
function grouped(control, oninput) {
  const { box, set } = control;
  const names = { "data-role": box.dataset.role, "aria-label": box.getAttribute("aria-label") };
  const shown = h("input", { type: "text", inputmode: "numeric", autocomplete: "off", ...names });
  const typed = () => (shown.value.trim() ? Number(shown.value.replace(/[,\s]/g, "")) : NaN);
  let typing = false;
  shown.addEventListener("input", () => {
    typing = true;
    if (typed() >= control.min && typed() <= control.max) oninput(Math.round(typed()));
  });
  shown.addEventListener("change", () => {
    typing = false;
    const v = Number.isNaN(typed()) ? Number(box.value) : Math.round(clamp(typed(), control.min, control.max));
    shown.value = thousands(v);
    oninput(v);
  });
  box.replaceWith(shown);
  control.set = (v) => {
    set(v);
    if (!typing) shown.value = thousands(v);
  };
  return control;
}

function slidersOf(now, traits, change) {
  const limits = (role) => ({ role, min: traits[role].limits[0], max: traits[role].limits[1] });
  const steps = (options, rounds) => {
    // Places of a slider have three digits: 4100, which is more than 4096.
    const oninput = (v) => change({ [options.role]: Math.min(options.max, Math.round(v)) });
    return ladder({ ...options, oninput }, rounds, () => now[options.role]);
  };
  const step = (options) => slider({ ...options, oninput: (v) => change({ [options.role]: v }) });
  const pictures = { ...limits("pictures"), label: "images", name: "images to train on" };
  const batch = { ...limits("batch"), label: "batch", name: "images per step on one device" };
  const share = { ...limits("share"), label: "% of peak", name: "share of the peak that is reached, percent" };
  const devices = { ...limits("devices"), label: "devices", name: "number of devices", colour: "grey" };
  const say = (v) => `${thousands(v)}, ${epochWords(v)}`;
  return {
    pictures: grouped(steps({ ...pictures, colour: "grey", say }, ROUNDS), (v) => change({ pictures: v })),
    batch: steps({ ...batch, colour: "teal" }, DOUBLES),
    share: step({ ...share, colour: "orange", say: (v) => `${v} %` }),
    devices: step(devices),
  };
}

// The colours of parts by their names, paler from part to part of the same colour.
function tintsOf(names, colourOf) {
  const colours = names.map(colourOf);
  return colours.map((colour, i) => {
    const [step, count] = [colours.slice(0, i), colours].map((list) => list.filter((c) => c === colour).length);
    return { colour, tone: `${100 - Math.round((70 * step) / count)}%` };
  });
}

function tinted({ colour, tone }) {
  const el = h("i", { class: `de-${colour}` });
  el.style.setProperty("--tone", tone);
  return el;
}

// A bar cut into parts, with a list of them below.
function barView(role, title, colourOf) {
  const more = h("span");
  const bar = h("div", { class: "de-co-bar", role: "img", "data-role": role, "aria-label": title });
  const key = h("ul", { class: "de-co-key" });
  const el = h("div", {}, h("p", { class: "de-co-title" }, title, more), bar, key);
  // parts: [[name, value, words], ...]; whole: what the full length stands for; limit: where the dashed line stands,
  // or null
  function set(parts, whole, words, limit = null) {
    const tints = tintsOf(
      parts.map(([name]) => name),
      colourOf,
    );
    const cuts = parts.map(([, value], i) => {
      const cut = tinted(tints[i]);
      cut.style.width = `${(100 * value) / whole}%`;
      if (value < 0.01 * whole) cut.style.border = "0"; // it would be all border
      return cut;
    });
    const line = limit === null ? null : h("u");
    if (line) line.style.left = `calc(${(100 * limit) / whole}% - 2px)`;
    bar.replaceChildren(...[...cuts, line].filter(Boolean));
    key.replaceChildren(...parts.map(([name, , said], i) => h("li", {}, tinted(tints[i]), `${name} ${said}`)));
    bar.setAttribute("aria-label", `${title}: ${parts.map(([name, , said]) => `${name} ${said}`).join(", ")}`);
    text(more, words);
  }
  return { el, set };
}

function drawBars(bars, { one, machine, cost, copies }, words) {
  const parts = (key) => one.parts.map((p) => [p.name, p[key], percent(p[key] / one[key])]);
  bars.flops.set(parts("flops"), one.flops, words.flops);
  bars.parameters.set(parts("parameters"), one.parameters, words.parameters);
  const copy = cost.state_bytes / copies.length;
  const held = [...copies.map((name) => [name, copy]), ["activations", cost.activation_bytes]];
  const whole = Math.max(machine.memory ?? cost.memory_bytes, cost.memory_bytes);
  const named = held.map(([name, v]) => [name, v, withUnit(v, "B")]);
  bars.memory.set(named, whole, words.memory, machine.memory);
}

function tileView(role) {
  const nodes = [h("span"), h("b"), h("span")];
  const el = h("div", { class: "de-co-tile", "data-role": role }, ...nodes);
  return { el, set: (words) => nodes.forEach((node, i) => text(node, words[i])) };
}

const ticksOf = (first, ...words) => words.map((word, i) => [first + i, word]);

// Both axes are logarithms: FLOP per byte, and FLOP/s of one device.
function rooflineView() {
  const x = { min: 0, max: 5, ticks: ticksOf(0, "1", "10", "100", "1,000", "10 k", "FLOP / byte") };
  const y = { min: 10, max: 15.3, ticks: ticksOf(10, "10 G", "100 G", "1 T", "10 T", "100 T", "1 P") };
  const plot = chart({ title: "Roofline: FLOP/s of one device", colour: "grey", x, y });
  plot.state.height = 190; // as its style says
  function draw({ machine, peak, cost }, share, words) {
    const [ridge, reached] = [Math.log10(peak / machine.bandwidth), Math.log10((peak * share) / 100)];
    const top = Math.log10(peak);
    const roof = [
      [0, ridge, 5],
      [Math.log10(machine.bandwidth), top, top],
    ];
    const dashed = [
      [0, 5],
      [reached, reached],
    ];
    plot.domain({ x, y }, roof, dashed);
    plot.marker([Math.log10(cost.intensity), Math.log10(cost.roof)], "");
    plot.label(words);
  }
  return { el: plot.el, draw, destroy: plot.destroy };
}

const all = (...parts) => parts.map((part) => part.el);

// What is rarely changed, behind one line that says how it stands.
function foldView(words, ...parts) {
  const now = h("b");
  const el = h(
    "details",
    { class: "de-co-fold" },
    h("summary", {}, words, now),
    h("div", { class: "de-co-folded" }, ...parts),
  );
  return { el, say: (said) => text(now, said) };
}

export function costView(now, data, change) {
  const [choices, sliders] = [choicesOf(now, data, change), slidersOf(now, data.traits, change)];
  const tiles = Object.fromEntries(["picture", "floor", "rate"].map((role) => [role, tileView(role)]));
  const resolution = (name) => (name.includes("×") ? "blue" : "grey");
  const held = (name) => (name === "activations" ? "teal" : "violet");
  const bars = {
    flops: barView("flops", "FLOPs", resolution),
    parameters: barView("parameters", "Parameters", resolution),
    memory: barView("memory", "Memory of one device", held),
  };
  const roofline = rooflineView();
  const verdict = h("p", { class: "de-co-verdict", "data-role": "answer" });
  const status = h("p", { class: "de-status de-co-said", "data-role": "status" });
  const source = h("p", { class: "de-note", "data-role": "source" });
  const warning = h("p", { class: "de-warn de-orange", "data-role": "warning", hidden: true });
  const rare = h("div", { class: "de-co-picks" }, ...all(choices.side, choices.precision));
  const more = foldView("More: ", rare, sliders.devices.el);
  const counted = foldView("What is counted, and where the numbers come from", note(NOTE), source);
  const picks = h("div", { class: "de-co-picks" }, ...all(choices.network, choices.machine));
  return {
    roofline,
    panel: panel(
      "What training costs",
      CSS,
      h(
        "div",
        { class: "de-co de-co-top" },
        h("div", {}, picks, more.el),
        h("div", {}, ...all(sliders.pictures, sliders.batch, sliders.share)),
      ),
      h("div", { class: "de-co-answer" }, verdict, status),
      warning,
      h("div", { class: "de-co-tiles" }, ...all(...Object.values(tiles))),
      h("div", { class: "de-co de-co-main" }, h("div", {}, ...all(...Object.values(bars))), h("div", {}, roofline.el)),
      counted.el,
    ),
    draw(facts, words) {
      for (const [name, control] of Object.entries(choices)) control.input.value = String(now[name]);
      for (const [name, control] of Object.entries(sliders)) control.set(now[name]);
      drawBars(bars, facts, words);
      roofline.draw(facts, now.share, words.roofline);
      for (const [name, tile] of Object.entries(tiles)) tile.set(words.tiles[name]);
      more.say(words.more);
      const [time, fits] = words.answer;
      verdict.replaceChildren(h("b", {}, time), fits);
      text(source, words.source);
      text(status, words.status);
      warning.hidden = !words.warning;
      text(warning, words.warning);
    },
  };
}
