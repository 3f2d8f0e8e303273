// What is seen of <cost-explorer>: choices, tiles, bars, the roofline.
import { chart } from "../kit/chart.mjs";
import { ladder, select, slider } from "../kit/controls.mjs";
import { h, note, panel, text } from "../kit/dom.mjs";
import { thousands, withUnit } from "../kit/numbers.mjs";
import { NOTE, epochWords, percent } from "./words.mjs";

const COLOURS = ["blue", "orange", "violet", "teal"];
const DOUBLES = Array.from({ length: 13 }, (_, i) => 2 ** i);
const ROUNDS = [4, 5, 6, 7, 8, 9].flatMap((power) => [1, 1.5, 2, 3, 5, 7].map((m) => m * 10 ** power)).concat(1e10);

const CSS = `
.de-co{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:16px 24px;align-items:start}
.de-co-top{grid-template-columns:minmax(0,5fr) minmax(0,8fr)}
.de-co>div{display:grid;gap:10px;min-width:0}
.de-co-picks{display:grid;grid-template-columns:auto minmax(0,1fr);gap:8px 10px;align-items:center}
.de-co-picks>.de-label{display:contents}.de-co-picks select{width:100%;min-width:0}
.de-co .de-slider{grid-template-columns:5.6em minmax(50px,1fr) 7.4em}
.de-widget .de-co .de-slider input[type=number]{width:100%;padding:4px 2px 4px 8px}
.de-co-tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,150px),1fr));gap:10px}
.de-co-tile{border-top:2px solid var(--c);padding-top:6px;min-width:0}
.de-co-tile span{display:block;font-size:.78rem;color:var(--w-muted)}
.de-co-tile b{display:block;font-size:1.2rem;font-weight:600;line-height:1.3}
.de-co-title{margin:0;font-size:.8125rem;font-weight:600;display:flex;justify-content:space-between;gap:8px}
.de-co-title span{color:var(--w-muted);font-weight:400}
.de-co-bar{position:relative;display:flex;height:24px;border-radius:4px;background:var(--w-soft);overflow:hidden}
.de-co-bar i{display:block;height:100%;background:var(--c);border-right:1px solid var(--w-surface);flex:none}
.de-co-hatch{background:repeating-linear-gradient(135deg,var(--c) 0 4px,
  color-mix(in srgb,var(--c) 45%,var(--w-surface)) 4px 7px)!important}
.de-co-bar u{position:absolute;top:0;bottom:0;width:0;border-left:2px dashed var(--w-text)}
.de-co-key{display:flex;flex-wrap:wrap;gap:2px 12px;font-size:.78rem;color:var(--w-muted);margin:4px 0 0;padding:0;
  list-style:none}
.de-co-said{min-height:4.3em}
.de-co-key li{margin:0;padding:0;white-space:nowrap}
.de-co-key i{display:inline-block;width:13px;height:11px;border-radius:2px;background:var(--c);margin-right:5px;
  vertical-align:-1px}
.de-co .de-chart svg{height:190px}.de-co .de-chart-head{white-space:normal}
@container (max-width:620px){.de-co,.de-co-top{grid-template-columns:minmax(0,1fr)}.de-co .de-slider{
  grid-template-columns:5.6em minmax(50px,1fr) 7.6em}}
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
    side: pick("side", "Images", sides),
    machine: pick("machine", "Machine", labels(data.machines)),
    precision: pick("precision", "Arithmetic", data.traits.precision.choices),
  };
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
  const devices = { ...limits("devices"), label: "devices", name: "number of devices", colour: "teal" };
  const say = (v) => `${thousands(v)}, ${epochWords(v)}`;
  return {
    pictures: steps({ ...pictures, colour: "grey", say }, ROUNDS),
    batch: steps({ ...batch, colour: "violet" }, DOUBLES),
    share: step({ ...share, colour: "orange", say: (v) => `${v} %` }),
    devices: step(devices),
  };
}

// A bar cut into parts, with a list of them below.
function barView(role, title) {
  const more = h("span");
  const bar = h("div", { class: "de-co-bar", role: "img", "data-role": role, "aria-label": title });
  const key = h("ul", { class: "de-co-key" });
  const el = h("div", {}, h("p", { class: "de-co-title" }, title, more), bar, key);
  const look = (i) => `de-${COLOURS[i % 4]}${i >= 4 ? " de-co-hatch" : ""}`;
  // parts: [[name, value, words], ...]; whole: what the full length stands for; limit: where the dashed line stands,
  // or null
  function set(parts, whole, words, limit = null) {
    const cuts = parts.map(([, value], i) => {
      const cut = h("i", { class: look(i) });
      cut.style.width = `${(100 * value) / whole}%`;
      if (value < 0.01 * whole) cut.style.border = "0"; // it would be all border
      return cut;
    });
    const line = limit === null ? null : h("u");
    if (line) line.style.left = `calc(${(100 * limit) / whole}% - 2px)`;
    bar.replaceChildren(...[...cuts, line].filter(Boolean));
    key.replaceChildren(
      ...parts.map(([name, , said], i) => h("li", {}, h("i", { class: look(i) }), `${name} ${said}`)),
    );
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

function tileView(role, colour) {
  const nodes = [h("span"), h("b"), h("span")];
  const el = h("div", { class: `de-co-tile de-${colour}`, "data-role": role }, ...nodes);
  return { el, set: (words) => nodes.forEach((node, i) => text(node, words[i])) };
}

const ticksOf = (first, ...words) => words.map((word, i) => [first + i, word]);

// Both axes are logarithms: FLOP per byte, and FLOP/s of one device.
function rooflineView() {
  const x = { min: 0, max: 5, ticks: ticksOf(0, "1", "10", "100", "1,000", "10 k", "FLOP / byte") };
  const y = { min: 10, max: 15.3, ticks: ticksOf(10, "10 G", "100 G", "1 T", "10 T", "100 T", "1 P") };
  const plot = chart({ title: "Roofline: FLOP/s of one device", colour: "blue", x, y });
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

const all = (parts) => Object.values(parts).map((part) => part.el);

export function costView(now, data, change) {
  const [choices, sliders] = [choicesOf(now, data, change), slidersOf(now, data.traits, change)];
  const colours = { picture: "blue", floor: "teal", time: "orange", rate: "violet" };
  const tiles = Object.fromEntries(Object.entries(colours).map(([role, colour]) => [role, tileView(role, colour)]));
  const titles = { flops: "FLOPs", parameters: "Parameters", memory: "Memory of one device" };
  const bars = Object.fromEntries(Object.entries(titles).map(([role, title]) => [role, barView(role, title)]));
  const roofline = rooflineView();
  const status = h("p", { class: "de-status de-co-said", "data-role": "status" });
  const source = h("p", { class: "de-note", "data-role": "source" });
  const warning = h("p", { class: "de-warn de-orange", "data-role": "warning", hidden: true });
  const picks = h("div", {}, h("div", { class: "de-co-picks" }, ...all(choices)));
  return {
    roofline,
    panel: panel(
      "What training costs",
      CSS,
      h("div", { class: "de-co de-co-top" }, picks, h("div", {}, ...all(sliders))),
      source,
      h("div", { class: "de-co-tiles" }, ...all(tiles)),
      ...[status, warning],
      h("div", { class: "de-co" }, h("div", {}, ...all(bars)), h("div", {}, roofline.el, note(NOTE))),
    ),
    draw(facts, words) {
      for (const [name, control] of Object.entries(choices)) control.input.value = String(now[name]);
      for (const [name, control] of Object.entries(sliders)) control.set(now[name]);
      drawBars(bars, facts, words);
      roofline.draw(facts, now.share, words.roofline);
      for (const [name, tile] of Object.entries(tiles)) tile.set(words.tiles[name]);
      text(source, words.source);
      text(status, words.status);
      warning.hidden = !words.warning;
      text(warning, words.warning);
    },
  };
}
