// What is seen of <schedule-explorer>: the strip of noised images, controls, charts, the verdict.
import { axis, chart, snrChart, stepTicks } from "../kit/chart.mjs";
import { checkbox, select, slider } from "../kit/controls.mjs";
import { h, math, note, panel, rich, row, text } from "../kit/dom.mjs";
import { watch } from "../kit/memo.mjs";
import { clamp } from "../kit/numbers.mjs";
import { paint } from "../kit/paint.mjs";
import { qSample } from "../maths/process.mjs";
import { DEFAULTS, decibel } from "../maths/schedules.mjs";
import { STRIP, betaTop, stripTime } from "./facts.mjs";
import { handles } from "./handles.mjs";
import { HINT } from "./words.mjs";

const CSS = `
.de-se-controls{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,280px),1fr));gap:6px 24px;
  --w-label:2.6em;align-content:start;min-height:70px}
.de-se-controls>:first-child{grid-column:1/-1}
.de-se-charts{grid-template-columns:repeat(3,minmax(0,1fr))}
.de-se-strip,.de-se-row{display:grid;gap:4px}
.de-se-row>span{font-size:.78rem;color:var(--w-muted)}
.de-se-film{position:relative}
.de-se-film i{position:absolute;top:-2px;bottom:-2px;width:2px;margin-left:-1px;background:var(--w-teal);
  box-shadow:0 0 0 1px var(--w-surface);pointer-events:none}
.de-se-times{display:grid;grid-template-columns:repeat(${STRIP},1fr);font-size:.72rem;color:var(--w-muted);
  text-align:center}
.de-se-verdict{min-height:4.2em}
@container (max-width:520px){.de-se-controls{min-height:108px}.de-se-verdict{min-height:8.4em}.de-status{
  min-height:4.2em}.de-se-charts{grid-template-columns:repeat(2,minmax(0,1fr))}.de-se-charts>:last-child{
  grid-column:1/-1}}
`;

const short = (v) => String(+v.toPrecision(3));

function familyControls(now, change) {
  const beta = (role, label, name, min, max, key) =>
    slider({
      ...{ role, label: math("β", label), name, min, max, log: true, colour: "orange", say: short },
      oninput: (v) => change({ [key]: v }),
    });
  return {
    start: beta("beta-start", "1", "beta at the first step, for T = 1000", 1e-5, 0.02, "beta_start"),
    end: beta("beta-end", "T", "beta at the last step, for T = 1000", 1e-4, 0.2, "beta_end"),
    s: slider({
      ...{ role: "s", label: math("s"), name: "offset s of the cosine" },
      ...{ min: 0.001, max: 0.2, step: 0.001, colour: "orange" },
      oninput: (v) => change({ s: v }),
    }),
  };
}

function controlsOf(now, { kind, reference, T: steps }, change) {
  const pick = (role, label, options, onpick) => select({ role, label, options, value: now[role], onpick });
  const [min, max] = steps.limits;
  const T = { role: "T", label: math("T"), name: "number of steps T", min, max, colour: "grey" };
  const t = { role: "t", label: math("t"), name: "step t", min: 0, max: now.T, say: (v) => `t = ${v} of ${now.T}` };
  return {
    kind: pick("kind", "Schedule", kind.choices, (v) => change({ kind: v, ...DEFAULTS[v] })),
    reference: pick("reference", "compare with", reference.choices, (v) => change({ reference: v })),
    scale: checkbox({
      ...{ role: "scale", label: "scale β by 1000 / T", value: now.scale },
      onpick: (on) => change({ scale: on }),
    }),
    T: slider({ ...T, oninput: (v) => change({ T: v }) }),
    t: slider({ ...t, oninput: (v) => change({ t: v }) }),
    ...familyControls(now, change),
  };
}

function drawControls(c, now, hint) {
  const families = now.kind === "linear" || now.kind === "scaled_linear";
  for (const control of [c.start, c.end]) control.el.hidden = !families;
  c.s.el.hidden = now.kind !== "cosine";
  c.scale.el.hidden = now.kind === "cosine";
  hint.hidden = now.kind !== "custom";
  c.kind.input.value = now.kind;
  c.reference.input.value = now.reference;
  c.scale.input.checked = now.scale;
  c.T.set(now.T);
  c.t.limit(0, now.T);
  c.t.set(now.t);
  c.start.set(now.beta_start);
  c.end.set(now.beta_end);
  c.s.set(now.s);
}

function chartsOf(T, goTo) {
  const x = { min: 0, max: T, ticks: stepTicks(T) };
  const onx = (t) => goTo(Math.round(t));
  const make = (symbol, words, colour) =>
    chart({ title: h("span", {}, math(symbol, "t"), words), colour, x, y: axis(0, 1, 0, 0.5, 1), onx });
  return {
    beta: make("β", ", noise added", "orange"),
    alphaBar: make("ᾱ", ", signal left", "blue"),
    snr: snrChart(x, onx),
  };
}

function drawCurves(charts, now, { schedule, reference }, named) {
  const { T } = schedule;
  const steps = Array.from({ length: T + 1 }, (_, t) => t);
  const x = { min: 0, max: T, ticks: stepTicks(T) };
  const high = betaTop(now, schedule);
  const y = { min: 0, max: high, ticks: [0, high / 2, high].map((v) => [v, short(v)]) };
  const decibels = (table) => [steps, table.snr.map((r) => clamp(decibel(r), -300, 300))];
  // beta_0 = 0 is a convention of the table, not a point of the curve.
  const from1 = (table, name) => table && [steps.slice(1), Array.from(table[name]).slice(1)];
  charts.beta.domain({ x, y }, from1(schedule, "beta"), from1(reference, "beta"), named);
  charts.alphaBar.domain({ x }, [steps, schedule.alphaBar], reference && [steps, reference.alphaBar], named);
  charts.snr.domain({ x }, decibels(schedule), reference && decibels(reference), named);
}

// One row of the strip; its cursor is where t is.
function rowView(size, goTo) {
  const canvas = h("canvas", {
    class: "de-strip",
    width: STRIP * size,
    height: size,
    role: "img",
    "aria-label": "noised image",
  });
  const cursor = h("i");
  const name = h("span", { "aria-hidden": "true" });
  canvas.addEventListener("pointerdown", (event) => {
    const box = canvas.getBoundingClientRect();
    goTo(clamp(Math.floor(((event.clientX - box.left) / box.width) * STRIP), 0, STRIP - 1));
  });
  const film = h("div", { class: "de-se-film" }, canvas, cursor);
  return { el: h("div", { class: "de-se-row" }, name, film), canvas, cursor, name };
}

// One image at steps from 0 to T, with the same noise; below it the same by the schedule to compare with.
function stripView({ size, channels, x0, eps }, goTo) {
  const rows = [rowView(size, goTo), rowView(size, goTo)];
  const spans = Array.from({ length: STRIP }, () => h("span"));
  const times = h("div", { class: "de-se-times", "aria-hidden": "true" }, ...spans);
  const xt = new Float64Array(x0.length);
  return {
    el: h("div", { class: "de-se-strip" }, ...rows.map((one) => one.el), times),
    draw({ schedule, reference }) {
      rows[0].name.hidden = rows[1].el.hidden = !reference;
      const steps = Array.from({ length: STRIP }, (_, i) => stripTime(i, schedule.T));
      steps.forEach((t, i) => text(spans[i], `${i ? "" : "t = "}${t}`));
      [schedule, reference].filter(Boolean).forEach((table, k) => {
        steps.forEach((t, i) => {
          paint(rows[k].canvas, qSample(x0, eps, t, table, xt), channels, size, i * size);
        });
      });
    },
    mark({ t, T }, words) {
      rows.forEach(({ canvas, cursor, name }, k) => {
        cursor.style.left = `${(100 * (((STRIP - 1) * t) / T + 0.5)) / STRIP}%`;
        canvas.setAttribute("aria-label", words.strips[k]);
        text(name, words.rows[k]);
      });
    },
  };
}

function drawMarkers(charts, { t, beta, alpha_bar, snr_db }, words) {
  const values = { beta, alphaBar: alpha_bar, snr: Math.min(snr_db, 1e6) };
  for (const [name, one] of Object.entries(charts)) {
    one.marker([t, values[name]], words.markers[name]);
    one.label(words.charts[name]);
  }
}

const statusOf = ({ t, T }, { markers, now, ratio }) => [
  ...[h("b", {}, `t = ${t} of ${T}`), ": ", math("β", "t"), ` = ${markers.beta}, `],
  ...[math("ᾱ", "t"), ` = ${markers.alphaBar}, `, now, ratio],
];

// data: {size, channels, x0, eps, traits}
export function scheduleView(now, data, change) {
  const controls = controlsOf(now, data.traits, change);
  const charts = chartsOf(now.T, (t) => change({ t }));
  const placeHandles = handles(charts.beta, now, change);
  charts.beta.onlayout = placeHandles;
  const strip = stripView(data, (i) => change({ t: stripTime(i, now.T) }));
  const hint = note(HINT);
  const status = h("p", { class: "de-status" });
  const judgement = h("p", { class: "de-warn de-teal" });
  const differs = watch();
  const families = [controls.T.el, controls.start.el, controls.end.el, controls.s.el, hint];
  return {
    charts: Object.values(charts),
    panel: panel(
      "Explorer of noise schedules",
      CSS,
      row(controls.kind.el, controls.reference.el, controls.scale.el),
      ...[strip.el, controls.t.el, status],
      h("div", { class: "de-se-controls" }, ...families),
      h("div", { class: "de-charts de-se-charts" }, ...Object.values(charts).map((c) => c.el)),
      h("div", { class: "de-se-verdict" }, judgement),
    ),
    draw(facts, world, words) {
      const other = differs("reference", world.reference);
      if (differs("settings", world.made) || other) {
        drawCurves(charts, now, world, words.reference);
        strip.draw(world);
      }
      drawControls(controls, now, hint);
      placeHandles();
      drawMarkers(charts, facts, words);
      status.replaceChildren(...statusOf(facts, words));
      strip.mark(facts, words);
      judgement.className = `de-warn de-${facts.message || !facts.enough ? "orange" : "teal"}`;
      judgement.replaceChildren(h("b", { "aria-hidden": "true" }, words.sign), ...rich(words.verdict));
    },
  };
}
