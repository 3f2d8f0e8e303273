// <x-t-explorer>: x_t at any step t, for stored pictures or one of the reader's own.
//
// Controls (data-role): picture (one radio button a picture), file, colour, schedule, t, t-number, play, new-noise.
// state: {t, T, schedule, seed, picture, alpha_bar, signal, noise, snr, snr_db, mean, std, noise_source}
// Noise: for the seed of the payload it is the package's own (torch.randn with a generator of that seed, stored as
// float32); for every other seed, and for a picture with other channels, it is gaussian(seed) of diffusion.mjs.
import { announcer, bytesFromBase64, checkbox, clamp, floatsFromBase64, frame, h, iconButton, makeWidget, math, number, onceAFrame, paint, picker, pixelCanvas, player, publish, reducedMotion, select, slider, text, toX0, viewOf } from "./common.mjs";
import { chart, stepTicks } from "./chart.mjs";
import { decibel, density, gaussian, makeSchedule, moments, noise, normal, qSample, signal } from "./diffusion.mjs";
import { readPicture } from "./upload.mjs";

const XT_BINS = { low: -4, high: 4, count: 48, top: 0.8 };
const XT_SECONDS = 8; // of playing from 0 to T
const XT_NAMES = [["linear", "linear"], ["scaled_linear", "scaled linear"], ["cosine", "cosine"]];

const XT_CSS = `
.de-xt-sum{display:grid;grid-template-columns:1.35fr auto 1fr auto 1fr;gap:10px;align-items:center;max-width:680px;width:100%;margin:0 auto}
.de-xt-sum .de-frame figcaption{min-height:1.3em;white-space:nowrap}
.de-xt-op{font-size:1.4rem;color:var(--w-muted);padding-bottom:1.4em}
.de-xt-t{display:grid;grid-template-columns:auto 1fr;gap:10px;align-items:center}
@container (max-width:520px){
  .de-xt-sum{grid-template-columns:1.9fr 1fr;gap:6px 14px}.de-xt-op{display:none}
  .de-xt-sum>:first-child{grid-row:1/3}
  .de-xt-charts>:last-child{grid-column:1/-1}.de-xt-charts{--w-chart:130px}
  .de-status{min-height:4.2em}}
`;

function mountXT(root, data, changed) {
  const { size, channels, labels, T } = data;
  const each = channels * size * size;
  const pixels = bytesFromBase64(data.pixels);
  const stored = labels.map((_, i) => toX0(pixels.subarray(i * each, (i + 1) * each)));
  const storedEps = floatsFromBase64(data.eps);
  const now = { t: data.t, schedule: data.schedule, seed: data.seed, picture: data.picture };
  const own = { file: null, colour: channels === 3, x0: null };
  const tables = {};
  const table = (name) => (tables[name] ||= makeSchedule(name, T));
  let [x0, eps, xt, shownChannels] = [stored[now.picture], storedEps, null, channels];

  // ---- elements
  const canvases = { xt: pixelCanvas(size), x0: pixelCanvas(size), eps: pixelCanvas(size) };
  const [a, s] = [h("b"), h("b")];
  const frames = [
    frame(canvases.xt, "violet", math("x", "t")),
    frame(canvases.x0, "blue", a, " × ", math("x", "0")),
    frame(canvases.eps, "orange", s, " × ", math("ε")),
  ];
  const op = (sign) => h("span", { class: "de-xt-op", "aria-hidden": "true" }, sign);
  const sum = h("div", { class: "de-xt-sum" }, frames[0].el, op("="), frames[1].el, op("+"), frames[2].el);
  const pick = picker({
    role: "picture", legend: "Picture", size, channels, labels, values: (i) => stored[i],
    onpick: (i) => change({ picture: i }),
  });
  const file = h("input", { type: "file", accept: "image/*", "data-role": "file", "aria-label": "Your own picture", onchange: () => file.files[0] && load(file.files[0]) });
  const colour = checkbox({ role: "colour", label: "in colour", value: own.colour, onpick: (on) => { own.colour = on; load(own.file); } });
  colour.el.hidden = true;
  const schedule = select({ role: "schedule", label: "Schedule", options: XT_NAMES, value: now.schedule, onpick: (v) => change({ schedule: v }) });
  const renew = h("button", { type: "button", "data-role": "new-noise", onclick: () => change({ seed: now.seed + 1 }) }, "New noise");
  const tSlider = slider({ role: "t", label: math("t"), name: "step t", min: 0, max: T, say: (t) => `t = ${t} of ${T}`, oninput: (t) => { play.stop(); change({ t }); } });
  const playButton = iconButton("play", "play", "Play from here to T", null, true);
  const status = h("p", { class: "de-status" });
  const problem = h("p", { class: "de-warn de-orange", role: "alert", hidden: true });
  const live = announcer();

  // ---- charts
  const goTo = (t) => { play.stop(); change({ t: Math.round(t) }); };
  const xAxis = { min: 0, max: T, ticks: stepTicks(T) };
  const curve = chart({ title: h("span", {}, math("ᾱ", "t"), ", share of signal"), colour: "blue", x: xAxis, y: { min: 0, max: 1, ticks: [[0, "0"], [0.5, "0.5"], [1, "1"]] }, onx: goTo });
  const ratio = chart({ title: "SNR in decibel", colour: "teal", x: xAxis, y: { min: -60, max: 40, ticks: [[-40, "−40"], [0, "0"], [40, "40"]] }, onx: goTo });
  const bars = chart({
    title: h("span", {}, "pixels of ", math("x", "t"), " and ", math("N"), "(0, 1)"), colour: "violet",
    x: { min: XT_BINS.low, max: XT_BINS.high, ticks: [[-4, "−4"], [-2, "−2"], [0, "0"], [2, "2"], [4, "4"]] },
    y: { min: 0, max: XT_BINS.top, ticks: [[0, "0"], [0.4, "0.4"], [0.8, "0.8"]] },
  });
  const grid = Array.from({ length: 81 }, (_, i) => -4 + i / 10);
  bars.lines(null, [grid, grid.map(normal)]);
  const steps = Array.from({ length: T + 1 }, (_, t) => t);

  const panel = h("div", { class: "de-panel", role: "group", "aria-label": "Explorer: x at any step t" },
    h("style", {}, XT_CSS),
    h("div", { class: "de-row" }, pick.el, h("span", { class: "de-file" }, file, h("span", { "aria-hidden": "true" }, "Your own …")), colour.el),
    problem, sum,
    h("div", { class: "de-xt-t" }, playButton.el, tSlider.el),
    status,
    h("div", { class: "de-charts de-xt-charts" }, curve.el, ratio.el, bars.el),
    h("div", { class: "de-row" }, schedule.el, renew),
    h("p", { class: "de-note" }, "Black is −1, white is 1; the pictures clip what lies beyond, the numbers and the histogram do not. A picture of your own stays on this page."),
    live.el);
  root.append(panel);

  // ---- behaviour
  function change(patch) {
    Object.assign(now, patch);
    if ("picture" in patch) {
      problem.hidden = true;
      if (patch.picture >= 0) colour.el.hidden = true;
    }
    changed(patch);
    draw();
  }

  async function load(chosen) {
    if (!chosen) return;
    play.stop();
    try {
      own.x0 = toX0(await readPicture(chosen, size, own.colour));
      own.file = chosen;
      now.picture = -1;
      colour.el.hidden = false;
      problem.hidden = true;
    } catch (error) {
      text(problem, error.message);
      problem.hidden = false;
    }
    file.value = "";
    draw();
  }

  function drop(event) {
    event.preventDefault();
    panel.classList.toggle("de-over", event.type === "dragover");
    if (event.type === "drop" && event.dataTransfer.files[0]) load(event.dataTransfer.files[0]);
  }
  for (const type of ["dragover", "dragleave", "drop"]) panel.addEventListener(type, drop);

  let place = now.t;
  const play = player(playButton, (seconds) => {
    if (Math.round(place) !== now.t) place = now.t;
    if (now.t >= T) place = 0;
    place = reducedMotion() ? now.t + T / 10 : place + (seconds * T) / XT_SECONDS;
    place = clamp(place, 0, T);
    change({ t: Math.round(place) });
    return place < T;
  }, "Play from here to T");

  let shown = {};
  function draw() {
    ask();
  }
  const ask = onceAFrame(() => {
    const { t } = now;
    const tables_ = table(now.schedule);
    const key = `${now.seed}/${now.picture}/${own.colour}`;
    x0 = now.picture < 0 ? own.x0 : stored[now.picture];
    if (shown.x0 !== x0 || shown.key !== key) {
      shownChannels = x0.length / (size * size);
      const fromPackage = now.seed === data.eps_seed && shownChannels === channels;
      eps = fromPackage ? storedEps : gaussian(now.seed, x0.length);
      xt = new Float64Array(x0.length);
      paint(canvases.x0, x0, shownChannels, size);
      paint(canvases.eps, eps, shownChannels, size);
      pick.set(now.picture);
      shown = { ...shown, x0, key, source: fromPackage ? "package" : "widget" };
    }
    if (shown.schedule !== now.schedule) {
      curve.lines([steps, tables_.alphaBar]);
      ratio.lines([steps, tables_.snr.map((r) => clamp(decibel(r), -200, 200))]);
      schedule.input.value = now.schedule;
      shown.schedule = now.schedule;
    }
    qSample(x0, eps, t, tables_, xt);
    paint(canvases.xt, xt, shownChannels, size);
    show(t, tables_);
  });

  function show(t, tables_) {
    const values = {
      t, T, schedule: now.schedule, seed: now.seed, picture: now.picture, alpha_bar: tables_.alphaBar[t],
      signal: signal(tables_, t), noise: noise(tables_, t), snr: tables_.snr[t], snr_db: decibel(tables_.snr[t]), ...moments(xt), noise_source: shown.source,
    };
    const what = now.picture < 0 ? "your picture" : labels[now.picture];
    const [bar, sig, noi, snr] = [values.alpha_bar, values.signal, values.noise, values.snr].map((v) => number(v));
    const db = values.snr === Infinity ? "" : ` (${number(values.snr_db, 1)} dB)`;
    text(a, sig);
    text(s, noi);
    tSlider.set(t);
    status.replaceChildren(h("b", {}, `t = ${t}`), ": ", math("ᾱ", "t"), ` = ${bar}, signal ${sig}, noise ${noi}, SNR ${snr}${db}. `,
      h("span", { class: "de-muted" }, "Pixels of ", math("x", "t"), `: mean ${number(values.mean, 2)}, standard deviation ${number(values.std, 2)}.`));
    curve.marker([t, values.alpha_bar], bar);
    ratio.marker([t, Math.min(values.snr_db, 1e6)], values.snr === Infinity ? "∞" : `${number(values.snr_db, 1)} dB`);
    const width = (XT_BINS.high - XT_BINS.low) / XT_BINS.count;
    bars.bars(XT_BINS.low, width, density(xt, XT_BINS.low, XT_BINS.high, XT_BINS.count));
    canvases.xt.setAttribute("aria-label", `x_t of ${what} at t = ${t}: ${Math.round(100 * values.alpha_bar)} % signal variance`);
    canvases.x0.setAttribute("aria-label", `x_0: ${what}`);
    canvases.eps.setAttribute("aria-label", `noise, seed ${now.seed}`);
    curve.label(`alpha bar from 1 at t = 0 to ${number(tables_.alphaBar[T])} at T; now ${bar} at t = ${t}`);
    ratio.label(`signal-to-noise ratio in decibel; now ${number(Math.min(values.snr_db, 1e3), 1)} at t = ${t}`);
    bars.label(`histogram of the pixels of x_t against the normal density: mean ${number(values.mean, 2)}, standard deviation ${number(values.std, 2)}`);
    live.say(`t = ${t}: alpha bar ${bar}, signal ${sig}, noise ${noi}, signal-to-noise ratio ${snr}`);
    publish(root, values);
  }

  draw();
  return viewOf(now, draw, play, ask, live, curve, ratio, bars, panel);
}

const xtExplorer = makeWidget("x-t-explorer", mountXT, ["t", "schedule", "seed", "picture"]);
export default xtExplorer;
