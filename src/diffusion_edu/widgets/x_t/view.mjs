// What is seen of <x-t-explorer>: the sum of images, the controls, the charts.
import { axis, chart, snrChart, stepTicks } from "../kit/chart.mjs";
import { checkbox, iconButton, picker, select, slider } from "../kit/controls.mjs";
import { button, complaint, h, math, note, panel, row, text } from "../kit/dom.mjs";
import { watch } from "../kit/memo.mjs";
import { clamp } from "../kit/numbers.mjs";
import { frame, paint, pixelCanvas } from "../kit/paint.mjs";
import { decibel } from "../maths/schedules.mjs";
import { BINS, density, normal } from "./facts.mjs";
import { COVER, NOTE, PLAY } from "./words.mjs";

const CSS = `
.de-xt-sum{display:grid;grid-template-columns:1.35fr auto 1fr auto 1fr;gap:10px;align-items:end;max-width:680px;
  width:100%;margin:0 auto}
.de-xt-sum .de-frame figcaption{min-height:1.3em;white-space:nowrap}
.de-xt-op{font-size:1.4rem;color:var(--w-muted);padding-bottom:calc(.135*min(680px,100cqi) + 12px)}
.de-xt-covered :is(.de-blue,.de-orange)>canvas{visibility:hidden}
.de-xt-t{display:grid;grid-template-columns:auto 1fr;gap:10px;align-items:center}
@container (max-width:520px){
  .de-xt-sum{grid-template-columns:1.9fr 1fr;gap:6px 14px}.de-xt-op{display:none}
  .de-xt-sum>:first-child{grid-row:1/3}
  .de-xt-charts>:last-child{grid-column:1/-1}.de-xt-charts{--w-chart:130px}
  .de-status{min-height:4.2em}}
`;

// x_t = a x_0 + s eps, in images.
function sumView(size) {
  const canvases = { xt: pixelCanvas(size), x0: pixelCanvas(size), eps: pixelCanvas(size) };
  const [a, s] = [h("b"), h("b")];
  const frames = [
    frame(canvases.xt, "violet", math("x", "t")),
    frame(canvases.x0, "blue", a, " × ", math("x", "0")),
    frame(canvases.eps, "orange", s, " × ", math("ε")),
  ].map((f) => f.el);
  const op = (sign) => h("span", { class: "de-xt-op", "aria-hidden": "true" }, sign);
  const differs = watch();
  const el = h("div", { class: "de-xt-sum" }, frames[0], op("="), frames[1], op("+"), frames[2]);
  return {
    el,
    draw(pair, words) {
      const names = differs("pair", pair) ? ["x0", "eps", "xt"] : ["xt"];
      for (const name of names) paint(canvases[name], pair[name], pair.channels, size);
      text(a, words.signal);
      text(s, words.noise);
      for (const [name, canvas] of Object.entries(canvases)) canvas.setAttribute("aria-label", words.canvases[name]);
      el.classList.toggle("de-xt-covered", words.covered);
    },
  };
}

// The stored images, and a file of the reader's; in colour or not, once there is one.
function imageControls({ size, channels, labels, stored }, on) {
  const onpick = (i) => on.change({ picture: i });
  const pick = picker({
    ...{ role: "picture", legend: "Image", size, channels, labels },
    values: (i) => stored[i],
    onpick,
  });
  const file = h("input", {
    type: "file",
    accept: "image/*",
    "data-role": "file",
    "aria-label": "Your own image",
    onchange: () => file.files[0] && on.file(file.files[0]),
  });
  const colour = checkbox({ role: "colour", label: "in color", value: channels === 3, onpick: on.colour });
  colour.el.hidden = true;
  const box = h("span", { class: "de-file" }, file, h("span", { "aria-hidden": "true" }, "Your own …"));
  return { el: row(pick.el, box, colour.el), pick, file, colour: colour.el };
}

function chartsView(T, goTo) {
  const x = { min: 0, max: T, ticks: stepTicks(T) };
  const onx = (t) => goTo(Math.round(t));
  const title = h("span", {}, math("ᾱ", "t"), ", share of signal");
  const curve = chart({ title, colour: "blue", x, y: axis(0, 1, 0, 0.5, 1), onx });
  const ratio = snrChart(x, onx);
  const bars = chart({
    title: h("span", {}, "pixels of ", math("x", "t"), " and ", math("N"), "(0, 1)"),
    colour: "violet",
    x: axis(BINS.low, BINS.high, -4, -2, 0, 2, 4),
    y: axis(0, BINS.top, 0, 0.4, 0.8),
  });
  const grid = Array.from({ length: 81 }, (_, i) => -4 + i / 10);
  bars.lines(null, [grid, grid.map(normal)]);
  const steps = Array.from({ length: T + 1 }, (_, t) => t);
  const charts = { curve, ratio, bars };
  return {
    charts,
    el: h("div", { class: "de-charts de-xt-charts" }, curve.el, ratio.el, bars.el),
    lines(table) {
      curve.lines([steps, table.alphaBar]);
      ratio.lines([steps, table.snr.map((r) => clamp(decibel(r), -200, 200))]);
    },
    draw({ t, alpha_bar, snr_db }, xt, words) {
      curve.marker([t, alpha_bar], words.bar);
      ratio.marker([t, Math.min(snr_db, 1e6)], words.ratio);
      bars.bars(BINS.low, (BINS.high - BINS.low) / BINS.count, density(xt, BINS.low, BINS.high, BINS.count));
      for (const [name, one] of Object.entries(charts)) one.label(words.charts[name]);
    },
  };
}

const statusOf = (t, words) => [
  ...[h("b", {}, `t = ${t}`), ": ", math("ᾱ", "t"), words.now],
  h("span", { class: "de-muted" }, "Pixels of ", math("x", "t"), words.pixels),
];

// on: {change(patch), goTo(t), file(file), colour(on), cover(on), renew()}.
export function xtView(now, data, on) {
  const { T } = data;
  const images = imageControls(data, on);
  const sum = sumView(data.size);
  const charts = chartsView(T, on.goTo);
  const step = { role: "t", label: math("t"), name: "step t", min: 0, max: T, say: (t) => `t = ${t} of ${T}` };
  const tSlider = slider({ ...step, oninput: on.goTo });
  const onpick = (v) => on.change({ schedule: v });
  const family = {
    role: "schedule",
    label: "Schedule",
    options: data.traits.schedule.choices,
    value: now.schedule,
    onpick,
  };
  const schedule = select(family);
  const play = iconButton("play", "play", PLAY, null, true);
  const cover = checkbox({ role: "cover", label: COVER, value: Boolean(data.covered), onpick: on.cover });
  const status = h("p", { class: "de-status" });
  const problem = complaint();
  const differs = watch();
  return {
    ...{ images, play, problem, charts: Object.values(charts.charts) },
    panel: panel(
      "Explorer: x at any step t",
      CSS,
      ...[images.el, problem.el, sum.el, h("div", { class: "de-xt-t" }, play.el, tSlider.el), status, charts.el],
      row(schedule.el, button("new-noise", "New noise", on.renew), data.covered ? cover.el : null),
      note(NOTE),
    ),
    draw(facts, pair, table, words) {
      images.pick.set(now.picture);
      if (differs("schedule", now.schedule)) charts.lines(table);
      schedule.input.value = now.schedule;
      sum.draw(pair, words);
      tSlider.set(facts.t);
      status.replaceChildren(...statusOf(facts.t, words));
      charts.draw(facts, pair.xt, words);
    },
  };
}
