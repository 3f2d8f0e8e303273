// <cost-explorer>: what training a network costs on a machine: FLOPs, the least time, memory, and the roofline.
//
// Controls (data-role): network, side, machine, precision (choices); batch, pictures, share, devices (sliders, each with a
// box "...-number").
// state: {network, side, batch, pictures, machine, precision, share, devices} as chosen; {epochs, fits (null where the
//         memory is unknown)}; and all that trainingCost gives, in FLOP, FLOP/s, s and bytes.
import { chart } from "./chart.mjs";
import { announcer, h, makeWidget, onceAFrame, publish, select, slider, text, viewOf } from "./common.mjs";
import { duration, thousands, trainingCost, withUnit } from "./cost.mjs";

const CO_SHARED = ["network", "side", "batch", "pictures", "machine", "precision", "share", "devices"];
const CO_EPOCH = 50000; // pictures of CIFAR-10's training set
const CO_COLOURS = ["blue", "orange", "violet", "teal"];

const CO_CSS = `
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
.de-co-hatch{background:repeating-linear-gradient(135deg,var(--c) 0 4px,color-mix(in srgb,var(--c) 45%,var(--w-surface)) 4px 7px)!important}
.de-co-bar u{position:absolute;top:0;bottom:0;width:0;border-left:2px dashed var(--w-text)}
.de-co-key{display:flex;flex-wrap:wrap;gap:2px 12px;font-size:.78rem;color:var(--w-muted);margin:4px 0 0;padding:0;list-style:none}
.de-co-said{min-height:4.3em}
.de-co-key li{margin:0;padding:0;white-space:nowrap}
.de-co-key i{display:inline-block;width:13px;height:11px;border-radius:2px;background:var(--c);margin-right:5px;vertical-align:-1px}
.de-co .de-chart svg{height:190px}.de-co .de-chart-head{white-space:normal}
@container (max-width:620px){.de-co,.de-co-top{grid-template-columns:minmax(0,1fr)}.de-co .de-slider{grid-template-columns:5.6em minmax(50px,1fr) 7.6em}}
`;

// A slider along the logarithm on which the arrow keys go from one round number to the next.
function coLadder(options, steps, get, put) {
  const control = slider({ ...options, log: true, oninput: (v) => put(Math.min(options.max, Math.round(v))) }); // places have three digits: 4100
  control.range.addEventListener("keydown", (event) => {
    const up = ["ArrowRight", "ArrowUp"].includes(event.key);
    if (!up && !["ArrowLeft", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    put((up ? steps.find((v) => v > get()) : steps.findLast((v) => v < get())) ?? get());
    control.set(get()); // at once, as a slider does by itself
  });
  return control;
}

function coControls(now, data, change) {
  const pick = (role, label, options) => select({ role, label, options, value: String(now[role]), onpick: (v) => change({ [role]: role === "side" ? Number(v) : v }) });
  const labels = (table) => Object.entries(table).map(([name, entry]) => [name, entry.label]);
  const doubles = Array.from({ length: 13 }, (_, i) => 2 ** i);
  const rounds = [4, 5, 6, 7, 8, 9].flatMap((power) => [1, 1.5, 2, 3, 5, 7].map((m) => m * 10 ** power)).concat(1e10);
  const sides = Object.keys(data.networks[now.network].sides).map((side) => [side, `${side}×${side}`]);
  return {
    network: pick("network", "Network", labels(data.networks)),
    side: pick("side", "Pictures", sides),
    machine: pick("machine", "Machine", labels(data.machines)),
    precision: pick("precision", "Arithmetic", [["fp32", "fp32"], ["half", "16 bits"]]),
    batch: coLadder({ role: "batch", label: "batch", name: "pictures of a step on one device", min: 1, max: 4096, colour: "violet" }, doubles, () => now.batch, (v) => change({ batch: v })),
    pictures: coLadder({ role: "pictures", label: "pictures", name: "pictures to train on", min: 1e4, max: 1e10, colour: "grey", say: (v) => `${thousands(v)}, ${coEpochs(v)}` }, rounds, () => now.pictures, (v) => change({ pictures: v })),
    share: slider({ role: "share", label: "% of peak", name: "share of the peak that is reached, percent", min: 1, max: 100, colour: "orange", say: (v) => `${v} %`, oninput: (v) => change({ share: v }) }),
    devices: slider({ role: "devices", label: "devices", name: "number of devices", min: 1, max: 64, colour: "teal", oninput: (v) => change({ devices: v }) }),
  };
}

function coEpochs(pictures) {
  const epochs = pictures / CO_EPOCH;
  return `${epochs >= 10 ? thousands(epochs) : +epochs.toPrecision(2)} epochs of CIFAR-10`;
}

// 46 %, 2.8 %, < 0.1 %
function coPercent(share) {
  return share < 1e-3 ? "< 0.1 %" : `${+(100 * share).toPrecision(2)} %`;
}

// A bar cut into parts, with a list of them below: parts [[name, value, words], ...].
function coBar(role, title) {
  const note = h("span");
  const bar = h("div", { class: "de-co-bar", role: "img", "data-role": role, "aria-label": title });
  const key = h("ul", { class: "de-co-key" });
  const el = h("div", {}, h("p", { class: "de-co-title" }, title, note), bar, key);
  // whole: what the full length stands for; limit: where the dashed line stands, or null
  function set(parts, whole, words, limit = null) {
    const look = (i) => `de-${CO_COLOURS[i % 4]}${i >= 4 ? " de-co-hatch" : ""}`;
    const cuts = parts.map(([, value], i) => {
      const cut = h("i", { class: look(i) });
      cut.style.width = `${(100 * value) / whole}%`;
      if (value < 0.01 * whole) cut.style.border = "0"; // it would be all border
      return cut;
    });
    const line = limit === null ? null : h("u");
    if (line) line.style.left = `calc(${(100 * limit) / whole}% - 2px)`;
    bar.replaceChildren(...[...cuts, line].filter(Boolean));
    key.replaceChildren(...parts.map(([name, , said], i) => h("li", {}, h("i", { class: look(i) }), `${name} ${said}`)));
    bar.setAttribute("aria-label", `${title}: ${parts.map(([name, , said]) => `${name} ${said}`).join(", ")}`);
    text(note, words);
  }
  return { el, set };
}

function coTile(role, colour) {
  const [name, value, more] = [h("span"), h("b"), h("span")];
  const el = h("div", { class: `de-co-tile de-${colour}`, "data-role": role }, name, value, more);
  return { el, set: (...words) => [name, value, more].forEach((node, i) => text(node, words[i])) };
}

// Both axes are logarithms: FLOP per byte, and FLOP/s of one device.
function coRoofline() {
  const x = { min: 0, max: 5, ticks: [[0, "1"], [1, "10"], [2, "100"], [3, "1,000"], [4, "10 k"], [5, "FLOP / byte"]] };
  const y = { min: 10, max: 15.3, ticks: [[10, "10 G"], [11, "100 G"], [12, "1 T"], [13, "10 T"], [14, "100 T"], [15, "1 P"]] };
  const plot = chart({ title: "Roofline: FLOP/s of one device", colour: "blue", x, y });
  plot.state.height = 190; // as its style says
  function draw(machine, peak, cost, share) {
    const [ridge, reached] = [Math.log10(peak / machine.bandwidth), Math.log10((peak * share) / 100)];
    const roof = [[0, ridge, 5], [Math.log10(machine.bandwidth), Math.log10(peak), Math.log10(peak)]];
    plot.domain({ x, y }, roof, [[0, 5], [reached, reached]]);
    plot.marker([Math.log10(cost.intensity), Math.log10(cost.roof)], "");
    plot.label(`Roofline of ${machine.label}: memory allows ${withUnit(machine.bandwidth, "B/s")}, arithmetic ${withUnit(peak, "FLOP/s")}. A step does ${Math.round(cost.intensity)} FLOP a byte: at most ${withUnit(cost.roof, "FLOP/s")}`);
  }
  return { el: plot.el, draw, destroy: plot.destroy };
}

function mountCost(root, data, changed) {
  const now = Object.fromEntries(CO_SHARED.map((name) => [name, data[name]]));
  for (const [name, table] of [["network", data.networks], ["machine", data.machines]]) if (!Object.hasOwn(table, now[name])) throw new Error(`${name} must be one of ${Object.keys(table).join(", ")}, got ${now[name]}`);
  const controls = coControls(now, data, change);
  const tiles = { picture: coTile("picture", "blue"), floor: coTile("floor", "teal"), time: coTile("time", "orange"), rate: coTile("rate", "violet") };
  const bars = { flops: coBar("flops", "FLOPs"), parameters: coBar("parameters", "Parameters"), memory: coBar("memory", "Memory of one device") };
  const roofline = coRoofline();
  const [status, source, warning] = [h("p", { class: "de-status de-co-said", "data-role": "status" }), h("p", { class: "de-note", "data-role": "source" }), h("p", { class: "de-warn de-orange", "data-role": "warning", hidden: true })];
  const live = announcer();
  const { network, side, machine, precision, batch, pictures, share, devices } = controls;
  const panel = h("div", { class: "de-panel", role: "group", "aria-label": "What training costs" },
    h("style", {}, CO_CSS),
    h("div", { class: "de-co de-co-top" },
      h("div", {}, h("div", { class: "de-co-picks" }, ...[network, side, machine, precision].map((c) => c.el))),
      h("div", {}, ...[pictures, batch, share, devices].map((c) => c.el))),
    source,
    h("div", { class: "de-co-tiles" }, ...Object.values(tiles).map((tile) => tile.el)),
    status, warning,
    h("div", { class: "de-co" },
      h("div", {}, ...Object.values(bars).map((bar) => bar.el)),
      h("div", {}, roofline.el, h("p", { class: "de-note" }, "Solid: what memory and arithmetic allow; dot: a training step of this network; dashed: the share of the peak chosen above. Counted are saved activations (written and read forwards, read twice backwards) and weights, gradients, AdamW and EMA once a step. What is not saved moves too, unless operations are fused: real steps lie further left. Left out: normalisations and SiLU (under 1 % of the FLOPs), and what devices tell each other."))),
    live.el);
  root.append(panel);

  function change(patch) {
    Object.assign(now, patch);
    changed(patch);
    ask();
  }

  const ask = onceAFrame(() => {
    for (const name of ["network", "side", "machine", "precision"]) controls[name].input.value = String(now[name]);
    for (const name of ["batch", "pictures", "share", "devices"]) controls[name].set(now[name]);
    const [one, on] = [data.networks[now.network].sides[now.side], data.machines[now.machine]];
    const cost = trainingCost(one, on, data.model, { ...now, share: now.share / 100 });
    const fits = on.memory === null ? null : cost.memory_bytes <= on.memory;
    drawBars(one, on, cost);
    roofline.draw(on, on.peak[now.precision], cost, now.share);
    show(one, on, cost, fits);
    publish(root, { ...now, epochs: now.pictures / CO_EPOCH, fits, ...cost });
  });

  function drawBars(one, on, cost) {
    const parts = (key) => one.parts.map((p) => [p.name, p[key], coPercent(p[key] / one[key])]);
    bars.flops.set(parts("flops"), one.flops, `${withUnit(one.flops, "FLOP")} forward`);
    bars.parameters.set(parts("parameters"), one.parameters, withUnit(one.parameters, ""));
    const copy = cost.state_bytes / data.model.state_copies.length;
    const held = [...data.model.state_copies.map((name) => [name, copy]), ["activations", cost.activation_bytes]];
    const most = on.memory ?? cost.memory_bytes;
    bars.memory.set(held.map(([name, v]) => [name, v, withUnit(v, "B")]), Math.max(most, cost.memory_bytes),
      `${withUnit(cost.memory_bytes, "B")}${on.memory === null ? "" : ` of ${withUnit(on.memory, "B")}`}`, on.memory);
  }

  function show(one, on, cost, fits) {
    const peak = on.peak[now.precision];
    const many = `${now.devices} × ${on.label}`;
    tiles.picture.set("a training picture", withUnit(cost.picture_flops, "FLOP"), `3 × ${withUnit(one.flops, "FLOP")} forward`);
    tiles.floor.set("at the peak, at least", duration(cost.floor_seconds), `${withUnit(cost.total_flops, "FLOP")} in all`);
    tiles.time.set(`at ${now.share} % of the peak`, duration(cost.seconds), coEpochs(now.pictures));
    tiles.rate.set("pictures a second", thousands(cost.pictures_per_second), `on ${many}`);
    text(source, `Network: ${data.networks[now.network].shape}, ${withUnit(one.parameters, "")} parameters. ${on.label}: ${withUnit(peak, "FLOP/s")}, memory ${withUnit(on.bandwidth, "B/s")}${on.memory === null ? "" : `, ${withUnit(on.memory, "B")}`} (${on.source}).`);
    const allowed = Math.round((100 * cost.roof) / peak);
    const bound = cost.roof < peak ? `moving data alone keeps it below ${allowed} % of the peak` : "by the count below, moving data would not slow it";
    const said = `${thousands(now.pictures)} pictures (${coEpochs(now.pictures)}) on ${many}: at least ${duration(cost.floor_seconds)}, ${duration(cost.seconds)} at ${now.share} % of the peak; ${bound}. A device holds ${withUnit(cost.memory_bytes, "B")}: ${withUnit(cost.state_bytes, "B")} of weights, gradients, moments and EMA in fp32, ${withUnit(cost.activation_bytes, "B")} of activations.${fits ? " It fits." : ""}`;
    text(status, said);
    const troubles = [];
    if (fits === false) troubles.push(`It does not fit: ${withUnit(cost.memory_bytes, "B")} are needed, the ${on.label} has ${withUnit(on.memory, "B")}. Take a smaller batch or fewer bits.`);
    if (now.share > (100 * cost.roof) / peak) troubles.push(`${now.share} % of the peak is out of reach: memory feeds the arithmetic at ${allowed} % of it.`);
    warning.hidden = !troubles.length;
    text(warning, troubles.join(" "));
    live.say([...troubles, said].join(" "));
  }

  ask();
  return viewOf(now, ask, ask, live, roofline, panel);
}

const costExplorer = makeWidget("cost-explorer", mountCost, CO_SHARED);
export default costExplorer;
