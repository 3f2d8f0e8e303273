// <schedule-explorer>: edit a noise schedule; beta, alpha, alpha_bar, SNR and a noised picture change together.
//
// Controls (data-role): kind, T, T-number, beta-start, beta-start-number, beta-end, beta-end-number, s, s-number,
// scale, reference, t, t-number; for kind "custom" five handles data-role="point" with data-index 0..4.
// state: {t, T, kind, beta_start, beta_end, s, points, scale, reference, valid, message,
//         beta, alpha, alpha_bar, snr, snr_db, signal, noise, alpha_bar_T, enough, crossing}
import { announcer, bytesFromBase64, checkbox, clamp, floatsFromBase64, h, makeWidget, math, number, onceAFrame, paint, publish, rich, select, slider, text, toX0, viewOf } from "./common.mjs";
import { chart, stepTicks } from "./chart.mjs";
import { DEFAULTS, crossing, decibel, makeSchedule, noise, qSample, signal } from "./diffusion.mjs";

const SE_STRIP = 8; // pictures from t = 0 to T
const SE_ENOUGH = 0.01; // alpha_bar_T below this counts as noise
const SE_KINDS = [["linear", "linear"], ["scaled_linear", "scaled linear"], ["cosine", "cosine"], ["custom", "draw your own"]];
const SE_REFERENCES = [["none", "none"], ...SE_KINDS.slice(0, 3)];
const SE_SHARED = ["t", "kind", "T", "beta_start", "beta_end", "s", "scale", "points", "reference"];

const SE_CSS = `
.de-se-controls{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,280px),1fr));gap:6px 24px;--w-label:2.6em;align-content:start;min-height:70px}
.de-se-controls>:first-child{grid-column:1/-1}
.de-se-charts{grid-template-columns:repeat(2,minmax(0,1fr))}
.de-se-strip{display:grid;gap:4px}
.de-se-times{display:grid;grid-template-columns:repeat(${SE_STRIP},1fr);font-size:.72rem;color:var(--w-muted);text-align:center}
.de-se-verdict{min-height:7.2em}
@container (max-width:520px){.de-se-controls{min-height:108px}.de-se-verdict{min-height:14.8em}.de-status{min-height:4.2em}}
`;

const percent = (x) => (100 * x < 0.1 ? "under 0.1" : number(100 * x, 100 * x < 10 ? 1 : 0)) + " %";

// What the end of the schedule means for training and sampling, in words.
function verdict(schedule, kind) {
  const { T, alphaBar } = schedule;
  const end = alphaBar[T];
  const left = Math.sqrt(end);
  const meet = crossing(schedule);
  const half = meet > T ? "Noise never outweighs the signal. " : `From t = ${meet} on (${Math.round((100 * meet) / T)} % of the steps) there is more noise than signal. `;
  if (end >= SE_ENOUGH) {
    return {
      enough: false,
      words: `x_T still holds ${percent(left)} of the picture’s amplitude (ᾱ_T = ${number(end)}, not below 0.01). Training then never shows the network pure noise, ` +
        "but sampling starts from it. The network takes the chance brightness of the noise for that of a picture, and samples come out washed out or blotched. " +
        `${kind === "cosine" ? "" : "Raise β_T, or scale β by 1000 / T. "}${half}`,
    };
  }
  const small = end < 1e-6
    ? `There is a price: recovering x_0 from the predicted noise divides by √ᾱ_T = ${number(left)}, so an error of the predicted noise grows ${number(1 / left, 0)}-fold at T. Clip x_0, or predict v. `
    : "";
  return { enough: true, words: `x_T is noise to the eye and to the network: ${percent(left)} of the picture’s amplitude is left (ᾱ_T = ${number(end)}, below 0.01). Sampling may start from pure noise. ${small}${half}` };
}

// Round dark handles over the beta chart, each a slider of its own for keyboard and screen readers.
function handles(betaChart, now, change, top) {
  const move = (i, beta) => {
    const points = [...now.points];
    points[i] = +clamp(beta, 1e-5, top() * 0.999).toPrecision(3);
    change({ points });
  };
  const nodes = DEFAULTS.custom.points.map((_, i) => {
    const el = h("div", { class: "de-handle", role: "slider", tabindex: 0, "data-role": "point", "data-index": i, "aria-orientation": "vertical", "aria-label": `beta at ${i * 25} % of the steps` });
    el.addEventListener("keydown", (event) => {
      const by = { ArrowUp: 1.05, ArrowRight: 1.05, ArrowDown: 1 / 1.05, ArrowLeft: 1 / 1.05, PageUp: 1.5, PageDown: 1 / 1.5 }[event.key];
      const to = by ? now.points[i] * by : { Home: 1e-5, End: top() }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      move(i, to);
    });
    el.addEventListener("pointerdown", (event) => el.setPointerCapture(event.pointerId));
    el.addEventListener("pointermove", (event) => {
      if (el.hasPointerCapture(event.pointerId)) move(i, betaChart.valueAt(event.clientY) / (now.scale ? 1000 / now.T : 1));
    });
    return el;
  });
  betaChart.el.append(...nodes);
  return () => {
    for (const el of nodes) el.hidden = now.kind !== "custom";
    if (now.kind !== "custom") return; // measuring below costs a layout
    const box = betaChart.svg.getBoundingClientRect();
    const host = betaChart.el.getBoundingClientRect();
    nodes.forEach((el, i) => {
      const beta = now.points[i] * (now.scale ? 1000 / now.T : 1);
      el.style.left = `${box.left - host.left + betaChart.px(1 + (i / 4) * (now.T - 1))}px`;
      el.style.top = `${box.top - host.top + betaChart.py(Math.min(beta, betaChart.state.y.max))}px`;
      for (const [name, v] of Object.entries({ min: 1e-5, max: top(), now: now.points[i] })) el.setAttribute(`aria-value${name}`, v);
      el.setAttribute("aria-valuetext", `beta ${number(beta, 4)}`);
    });
  };
}

function seControls(now, change) {
  const beta = (role, label, name, low, high, key) =>
    slider({ role, label: math("β", label), name, min: low, max: high, log: true, colour: "orange", say: (v) => String(+v.toPrecision(3)), oninput: (v) => change({ [key]: v }) });
  return {
    kind: select({ role: "kind", label: "Schedule", options: SE_KINDS, value: now.kind, onpick: (v) => change({ kind: v, ...DEFAULTS[v] }) }),
    reference: select({ role: "reference", label: "compare with", options: SE_REFERENCES, value: now.reference, onpick: (v) => change({ reference: v }) }),
    scale: checkbox({ role: "scale", label: "scale β by 1000 / T", value: now.scale, onpick: (on) => change({ scale: on }) }),
    T: slider({ role: "T", label: math("T"), name: "number of steps T", min: 10, max: 1000, colour: "grey", oninput: (v) => change({ T: v }) }),
    start: beta("beta-start", "1", "beta at the first step, for T = 1000", 1e-5, 0.02, "beta_start"),
    end: beta("beta-end", "T", "beta at the last step, for T = 1000", 1e-4, 0.2, "beta_end"),
    s: slider({ role: "s", label: math("s"), name: "offset s of the cosine", min: 0.001, max: 0.2, step: 0.001, colour: "orange", oninput: (v) => change({ s: v }) }),
    t: slider({ role: "t", label: math("t"), name: "step t", min: 0, max: now.T, say: (t) => `t = ${t} of ${now.T}`, oninput: (t) => change({ t }) }),
  };
}

function seCharts(T, goTo) {
  const x = { min: 0, max: T, ticks: stepTicks(T) };
  const one = { min: 0, max: 1, ticks: [[0, "0"], [0.5, "0.5"], [1, "1"]] };
  const make = (symbol, words, colour, y) => chart({ title: h("span", {}, math(symbol, symbol === "SNR" ? "" : "t"), words), colour, x, y, onx: goTo });
  return {
    beta: make("β", ", noise added", "orange", one),
    alpha: make("α", " = 1 − β", "violet", one),
    alphaBar: make("ᾱ", ", signal left", "blue", one),
    snr: chart({ title: "SNR in decibel", colour: "teal", x, y: { min: -60, max: 40, ticks: [[-40, "−40"], [0, "0"], [40, "40"]] }, onx: goTo }),
  };
}

// The smallest of 1, 2, 5 times a power of ten that holds the largest beta.
function roof(x) {
  const unit = 10 ** Math.floor(Math.log10(x));
  return Math.min(1, [1, 2, 5, 10].map((m) => m * unit).find((v) => v >= x * 0.999));
}

function mountSchedule(root, data, changed) {
  const { size, channels } = data;
  const x0 = toX0(bytesFromBase64(data.pixels));
  const eps = floatsFromBase64(data.eps);
  const xt = new Float64Array(x0.length);
  const now = Object.fromEntries(SE_SHARED.map((name) => [name, data[name]]));
  let schedule = null;
  let reference = null;
  let message = "";
  let drawn = {};

  const controls = seControls(now, change);
  const charts = seCharts(now.T, (t) => change({ t: Math.round(t) }));
  const top = () => (now.scale ? Math.min(0.05, 0.99 / (1000 / now.T)) : 0.05);
  const placeHandles = handles(charts.beta, now, change, top);
  charts.beta.onlayout = placeHandles;
  const strip = h("canvas", { class: "de-strip", width: SE_STRIP * size, height: size, role: "img", "aria-label": "noised picture" });
  const times = h("div", { class: "de-se-times", "aria-hidden": "true" }, ...Array.from({ length: SE_STRIP }, () => h("span")));
  strip.addEventListener("pointerdown", (event) => {
    const box = strip.getBoundingClientRect();
    change({ t: stripTime(clamp(Math.floor(((event.clientX - box.left) / box.width) * SE_STRIP), 0, SE_STRIP - 1)) });
  });
  const hint = h("p", { class: "de-note" }, "Drag the circles in the first chart up and down, or move to one with Tab and use the arrow keys.");
  const status = h("p", { class: "de-status" });
  const judgement = h("p", { class: "de-warn de-teal" });
  const live = announcer();
  const panel = h("div", { class: "de-panel", role: "group", "aria-label": "Explorer of noise schedules" },
    h("style", {}, SE_CSS),
    h("div", { class: "de-row" }, controls.kind.el, controls.reference.el, controls.scale.el),
    h("div", { class: "de-se-controls" }, controls.T.el, controls.start.el, controls.end.el, controls.s.el, hint),
    h("div", { class: "de-charts de-se-charts" }, charts.beta.el, charts.alpha.el, charts.alphaBar.el, charts.snr.el),
    controls.t.el, status,
    h("div", { class: "de-se-strip" }, strip, times),
    h("div", { class: "de-se-verdict" }, judgement), live.el);
  root.append(panel);

  const stripTime = (i) => Math.round((now.T * i) / (SE_STRIP - 1));

  function change(patch) {
    if (patch.T && patch.T !== now.T) patch.t = Math.round((now.t / now.T) * patch.T); // stay at the same place
    Object.assign(now, patch);
    changed(patch);
    ask();
  }

  // A setting that no schedule has (beta of 1 or more) is explained; the last good curves stay.
  function build() {
    const key = JSON.stringify([now.kind, now.T, now.beta_start, now.beta_end, now.s, now.scale, now.points]);
    if (drawn.key !== key) {
      drawn.key = key;
      try {
        schedule = makeSchedule(now.kind, now.T, now);
        message = "";
      } catch (error) {
        message = error.message;
        schedule ||= makeSchedule("cosine", now.T);
      }
      drawn.curves = false;
    }
    if (drawn.reference !== `${now.reference} ${schedule.T}`) {
      drawn.reference = `${now.reference} ${schedule.T}`;
      drawn.curves = false;
      try {
        reference = now.reference === "none" ? null : makeSchedule(now.reference, schedule.T);
      } catch {
        reference = null; // the linear families have no table at 20 steps or fewer
      }
    }
  }

  function drawCurves() {
    drawn.curves = true;
    const { T } = schedule;
    const steps = Array.from({ length: T + 1 }, (_, t) => t);
    const x = { min: 0, max: T, ticks: stepTicks(T) };
    const largest = Math.max(...schedule.beta, ...(now.kind === "custom" ? [top() * (now.scale ? 1000 / T : 1)] : []));
    const high = now.kind === "custom" ? Math.min(1, largest) : roof(largest);
    const ticks = [0, high / 2, high];
    const say = (v) => String(+v.toPrecision(3));
    const decibels = (table) => table.snr.map((r) => clamp(decibel(r), -300, 300));
    // beta_0 = 0 is a convention of the table, not a point of the curve.
    const from1 = (table, name) => table && [steps.slice(1), Array.from(table[name]).slice(1)];
    charts.beta.domain({ x, y: { min: 0, max: high, ticks: ticks.map((v) => [v, say(v)]) } }, from1(schedule, "beta"), from1(reference, "beta"));
    charts.alpha.domain({ x, y: { min: 1 - high, max: 1, ticks: ticks.map((v) => [1 - v, say(1 - v)]) } }, from1(schedule, "alpha"), from1(reference, "alpha"));
    charts.alphaBar.domain({ x }, [steps, schedule.alphaBar], reference && [steps, reference.alphaBar]);
    charts.snr.domain({ x }, [steps, decibels(schedule)], reference && [steps, decibels(reference)]);
    for (let i = 0; i < SE_STRIP; i++) {
      const t = Math.round((T * i) / (SE_STRIP - 1));
      paint(strip, qSample(x0, eps, t, schedule, xt), channels, size, i * size);
      text(times.children[i], `${i ? "" : "t = "}${t}`);
    }
  }

  const ask = onceAFrame(() => {
    build();
    if (!drawn.curves) drawCurves();
    const { T } = schedule;
    const t = clamp(now.t, 0, T);
    const families = now.kind === "linear" || now.kind === "scaled_linear";
    for (const control of [controls.start, controls.end]) control.el.hidden = !families;
    controls.s.el.hidden = now.kind !== "cosine";
    controls.scale.el.hidden = now.kind === "cosine";
    hint.hidden = now.kind !== "custom";
    controls.kind.input.value = now.kind;
    controls.reference.input.value = now.reference;
    controls.scale.input.checked = now.scale;
    controls.T.set(now.T);
    controls.t.limit(0, now.T);
    controls.t.set(now.t);
    controls.start.set(now.beta_start);
    controls.end.set(now.beta_end);
    controls.s.set(now.s);
    placeHandles();
    show(t, T);
  });

  function show(t, T) {
    const values = {
      ...now, t, T, valid: !message, message, beta: schedule.beta[t], alpha: schedule.alpha[t], alpha_bar: schedule.alphaBar[t],
      snr: schedule.snr[t], snr_db: decibel(schedule.snr[t]), signal: signal(schedule, t), noise: noise(schedule, t),
      alpha_bar_T: schedule.alphaBar[T], crossing: crossing(schedule),
    };
    const end = verdict(schedule, now.kind);
    values.enough = end.enough;
    const db = values.snr === Infinity ? "∞" : `${number(values.snr_db, 1)} dB`;
    charts.beta.marker([t, values.beta], number(values.beta, 4));
    charts.alpha.marker([t, values.alpha], number(values.alpha, 4));
    charts.alphaBar.marker([t, values.alpha_bar], number(values.alpha_bar));
    charts.snr.marker([t, Math.min(values.snr_db, 1e6)], db);
    for (const [name, words, v] of [["beta", "beta", values.beta], ["alpha", "alpha", values.alpha], ["alphaBar", "alpha bar", values.alpha_bar], ["snr", "signal-to-noise ratio", values.snr]]) {
      charts[name].label(`${words} at each step; ${number(v, 4)} at t = ${t}`);
    }
    status.replaceChildren(h("b", {}, `t = ${t} of ${T}`), ": ", math("β", "t"), ` = ${number(values.beta, 4)}, `, math("ᾱ", "t"), ` = ${number(values.alpha_bar)}, `,
      `signal ${number(values.signal)}, noise ${number(values.noise)}, SNR ${number(values.snr)}`, values.snr === Infinity ? "." : ` (${db}).`);
    strip.setAttribute("aria-label", `${data.label} at ${SE_STRIP} steps from t = 0 to T = ${T}, at the same noise`);
    const words = message ? `No such schedule: ${message}. The curves show the last valid one.` : end.words;
    judgement.className = `de-warn de-${message || !end.enough ? "orange" : "teal"}`;
    judgement.replaceChildren(h("b", { "aria-hidden": "true" }, message ? "✗ " : end.enough ? "✓ " : "! "), ...rich(words));
    live.say(message ? words : `t = ${t}: beta ${number(values.beta, 4)}, alpha bar ${number(values.alpha_bar)}. At T alpha bar is ${number(values.alpha_bar_T)}: ${end.enough ? "small enough" : "too large"}.`);
    publish(root, values);
  }

  ask();
  return viewOf(now, ask, ask, live, ...Object.values(charts), panel);
}

const scheduleExplorer = makeWidget("schedule-explorer", mountSchedule, SE_SHARED);
export default scheduleExplorer;
