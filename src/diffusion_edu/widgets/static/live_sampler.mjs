// <live-sampler>: the trained network itself draws pictures, in this page.
//
// Controls (data-role): run, stop, samples, method, steps, steps-number, eta, eta-number, seed, new-seed, start (noise, picture,
// drawing, own), picture (one radio button a picture), pad (the canvas to draw on), clear, file, start-t, start-t-number.
// state: {phase: idle | loading | ready | running | done | stopped | failed, reason, provider: webgpu | wasm | python,
//         samples, method, steps, eta, seed, start, start_t, i, of, t, ms_step, seconds, load_seconds, bytes}
// element.result: {xt, x0, times} of the last run, float64, all samples one after another.
// Noise of sample k is gaussian(seed + k) of diffusion.mjs: its first numbers are the start, the next ones the first
// step's fresh noise, and so on; payload.widget_noise in Python gives the same.
import { announcer, bytesFromBase64, clamp, frame, h, makeWidget, math, onceAFrame, paint, picker, pixelCanvas, publish, select, slider, text, toX0, viewOf } from "./common.mjs";
import { gaussian, makeSchedule, noise, signal } from "./diffusion.mjs";
import { METHODS, reverse, runTimes } from "./samplers.mjs";
import { kernelBackend, obstacle, pageBackend } from "./model_backend.mjs";
import { drawingPad } from "./drawing_pad.mjs";
import { readPicture } from "./upload.mjs";

const LS_NAMES = { ddpm: "DDPM", ddim: "DDIM", "dpm-solver": "DPM-Solver++(2M)" };
const LS_STARTS = [["noise", "pure noise"], ["picture", "a picture"], ["drawing", "your drawing"], ["own", "a picture of yours"]];
const LS_ENGINES = { webgpu: "on your graphics card (WebGPU)", wasm: "on your processor (WebAssembly)", python: "in the notebook's kernel" };

const LS_CSS = `
.de-ls-out{display:grid;grid-template-columns:1fr 1fr;gap:14px;width:100%;max-width:560px;margin:0 auto}
.de-ls-start{display:grid;gap:10px}
.de-ls-start>.de-row{min-height:44px}
.de-ls-knobs{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,270px),1fr));gap:8px 24px}
.de-ls-go{display:grid;grid-template-columns:auto 1fr;gap:10px 14px;align-items:center}
.de-ls-go progress{width:100%;height:10px;accent-color:var(--w-teal)}
.de-ls-stored{margin:0;display:grid;gap:6px}.de-ls-stored img{display:block;width:100%;image-rendering:pixelated;border-radius:6px}
`;

// What the samples start from: (samples x pixels) state and its step.
function begin(now, data, schedule, x0) {
  const { samples } = now;
  const area = data.channels * data.size ** 2;
  const at = x0 ? now.start_t : schedule.T;
  const xt = new Float64Array(samples * area);
  for (let k = 0; k < samples; k++) {
    const eps = gaussian(now.seed + k, area);
    for (let i = 0; i < area; i++) xt[k * area + i] = x0 ? signal(schedule, at) * x0[i] + noise(schedule, at) * eps[i] : eps[i];
  }
  return { xt, at };
}

// Fresh noise of one run: each call gives the next numbers of every sample's seed.
function noiseSource(seed, samples, area) {
  let call = 0;
  return () => {
    call += 1;
    const z = new Float64Array(samples * area);
    for (let k = 0; k < samples; k++) z.set(gaussian(seed + k, area, call * area), k * area);
    return z;
  };
}

function lsControls(data, now, change) {
  const seed = h("input", { type: "number", min: 0, max: 2 ** 31 - 5, step: 1, "data-role": "seed", "aria-label": "Seed of the first sample" });
  seed.addEventListener("change", () => change({ seed: clamp(Math.round(Number(seed.value)) || 0, 0, 2 ** 31 - 5) }));
  return {
    method: select({ role: "method", label: "Sampler", options: METHODS.map((m) => [m, LS_NAMES[m]]), value: now.method, onpick: (method) => change({ method }) }),
    steps: slider({ role: "steps", label: "steps", name: "number of steps", min: 2, max: data.schedule.T, log: true, colour: "grey", say: (n) => `${n} steps`, oninput: (n) => change({ steps: Math.round(n) }) }),
    eta: slider({ role: "eta", label: math("η"), name: "eta, share of fresh noise", min: 0, max: 1, step: 0.05, colour: "orange", oninput: (eta) => change({ eta }) }),
    start: select({ role: "start", label: "Start from", options: LS_STARTS, value: now.start, onpick: (start) => change({ start }) }),
    startT: slider({ role: "start-t", label: h("span", {}, "noised to ", math("t")), name: "step that the start is noised to", min: 1, max: data.schedule.T, say: (t) => `t = ${t}`, oninput: (start_t) => change({ start_t }) }),
    samples: select({ role: "samples", label: "Pictures", options: [["1", "1"], ["4", "4"]], value: String(now.samples), onpick: (n) => change({ samples: Number(n) }) }),
    seed,
    seedBox: h("label", { class: "de-label" }, "Seed", seed),
    newSeed: h("button", { type: "button", "data-role": "new-seed", onclick: () => change({ seed: now.seed + now.samples }) }, "New seed"),
  };
}

function mountLive(root, data, changed) {
  const { size, channels, labels } = data;
  const area = channels * size * size;
  const { name: family, T, ...options } = data.schedule;
  const schedule = makeSchedule(family, T, options);
  const pixels = bytesFromBase64(data.pixels);
  const stored = labels.map((_, i) => toX0(pixels.subarray(i * area, (i + 1) * area)));
  const now = { samples: data.samples, method: data.method, steps: data.steps, eta: data.eta, seed: data.seed, start: "noise", start_t: Math.round(T / 2), picture: 0 };
  const run = { phase: "idle", reason: "", provider: "", i: 0, of: 0, t: T, ms_step: 0, seconds: 0, load_seconds: 0, bytes: 0 };
  let backend = null;
  let own = null; // an uploaded picture as x_0
  let shown = null; // {xt, x0} on show
  let ticket = 0; // a run that holds an old ticket stops

  // ---- elements
  const c = lsControls(data, now, change);
  const canvases = [pixelCanvas(2 * size), pixelCanvas(2 * size)];
  const frames = [frame(canvases[0], "violet", math("x", "t")), frame(canvases[1], "blue", "estimate of ", math("x", "0"))];
  const out = h("div", { class: "de-ls-out", hidden: true }, ...frames.map((f) => f.el));
  const picture = root.fallback ? h("figure", { class: "de-ls-stored" }, h("img", { src: root.fallback.src, alt: root.fallback.alt }), h("figcaption", { class: "de-note" }, `A run that was stored: ${root.fallback.alt}.`)) : null;
  const pad = drawingPad(size, channels, () => change({}));
  const pick = picker({ role: "picture", legend: "Picture to start from", size, channels, labels, values: (i) => stored[i], onpick: (i) => change({ picture: i }) });
  const file = h("input", { type: "file", accept: "image/*", "data-role": "file", "aria-label": "Picture to start from", onchange: () => file.files[0] && upload(file.files[0]) });
  const fileBox = h("span", { class: "de-file" }, file, h("span", { "aria-hidden": "true" }, "Choose a file …"));
  const fileName = h("span", { class: "de-muted" });
  const from = { picture: pick.el, drawing: pad.el, own: h("div", { class: "de-row" }, fileBox, fileName) };
  const go = h("button", { type: "button", class: "de-main", "data-role": "run", onclick: start });
  const bar = h("progress", { max: 1, value: 0, "aria-label": "Progress" });
  const status = h("p", { class: "de-status", "data-role": "status" });
  const problem = h("p", { class: "de-warn de-orange", role: "alert", hidden: true });
  const live = announcer();
  const panel = h("div", { class: "de-panel", role: "group", "aria-label": "The trained model, in this page" },
    h("style", {}, LS_CSS),
    h("div", { class: "de-row" }, c.method.el, c.samples.el, c.seedBox, c.newSeed),
    h("div", { class: "de-ls-knobs" }, c.steps.el, c.eta.el),
    h("div", { class: "de-ls-start" }, h("div", { class: "de-row" }, c.start.el, ...Object.values(from)), c.startT.el),
    h("div", { class: "de-ls-go" }, go, bar),
    problem, picture, out, status,
    h("p", { class: "de-note" }, "The network works in this page; nothing that you draw or choose leaves it. Black is −1, white is 1."),
    live.el);
  root.append(panel);

  // ---- behaviour
  function change(patch) {
    Object.assign(now, patch);
    changed(patch);
    if (run.phase === "running") ticket += 1;
    ask();
  }

  const startPicture = () => ({ noise: null, picture: stored[now.picture], drawing: pad.x0(), own })[now.start];

  async function upload(chosen) {
    try {
      own = toX0(await readPicture(chosen, size, channels === 3));
      text(fileName, chosen.name);
      problem.hidden = true;
    } catch (error) {
      warn(error.message);
    }
    file.value = "";
    change({});
  }

  function warn(words) {
    text(problem, words);
    problem.hidden = false;
  }

  function fail(words) {
    backend?.close();
    backend = null;
    Object.assign(run, { phase: "failed", reason: words });
    warn(words);
    ask();
  }

  async function load() {
    const began = performance.now();
    Object.assign(run, { phase: "loading", reason: "" });
    problem.hidden = true;
    bar.value = 0;
    ask();
    backend = root.model ? kernelBackend(root.model) : pageBackend(data.model);
    const { provider, bytes } = await backend.load((share) => (bar.value = share));
    Object.assign(run, { phase: "ready", provider, bytes, load_seconds: (performance.now() - began) / 1000 });
  }

  async function start() {
    if (run.phase === "loading" || run.phase === "running") {
      ticket += 1;
      if (run.phase === "loading") {
        backend.close();
        backend = null;
        run.phase = "stopped";
        ask();
      }
      return;
    }
    const why = root.model || backend ? "" : obstacle();
    if (why) return fail(why);
    ticket += 1;
    const mine = ticket;
    try {
      if (!backend) await load();
      if (mine === ticket) await sampleOnce(mine);
    } catch (error) {
      if (error.message !== "stopped") fail(`The model could not run: ${error.message}. The stored pictures stay.`);
    }
  }

  async function sampleOnce(mine) {
    const x0 = startPicture();
    if (now.start === "own" && !x0) {
      warn("Choose a picture of yours first, or start from something else.");
      return;
    }
    problem.hidden = true;
    const { samples } = now;
    const { xt, at } = begin(now, data, schedule, x0);
    const times = runTimes(T, now.steps, at);
    const began = performance.now();
    let spent = 0;
    let asked = 0;
    const predict = async (x, t) => {
      const { eps, ms } = await backend.predict(x, t, [samples, channels, size, size]);
      asked += 1;
      if (asked > 1 || times.length === 2) spent += ms; // the first answer also builds the plan
      return eps;
    };
    Object.assign(run, { phase: "running", i: 0, of: times.length - 1, ms_step: 0 });
    const options = { schedule, method: now.method, eta: now.method === "ddim" ? now.eta : 0, times, xt, predict, fresh: noiseSource(now.seed, samples, area) };
    for await (const step of reverse(options)) {
      if (mine !== ticket) {
        run.phase = "stopped";
        break;
      }
      shown = step;
      root.result = { xt: step.xt, x0: step.x0, times };
      Object.assign(run, { i: step.i, t: step.t, ms_step: spent / Math.max(1, asked - 1), seconds: (performance.now() - began) / 1000 });
      if (step.t === 0) run.phase = "done";
      ask();
    }
    ask();
  }

  function draw() {
    const { phase } = run;
    const busy = phase === "loading" || phase === "running";
    text(go, busy ? "Stop" : run.provider ? "Draw pictures" : root.model ? "Run the model" : "Run the model here (6 to 9 MB)");
    go.dataset.role = busy ? "stop" : "run";
    bar.hidden = !busy && phase !== "done";
    if (phase !== "loading") bar.value = run.of ? run.i / run.of : 0;
    c.method.input.value = now.method;
    c.steps.set(now.steps);
    c.eta.set(now.eta);
    for (const input of [c.eta.range, c.eta.box]) input.disabled = now.method !== "ddim";
    c.start.input.value = now.start;
    c.startT.set(now.start_t);
    c.startT.el.hidden = now.start === "noise";
    for (const [name, el] of Object.entries(from)) el.hidden = name !== now.start;
    pick.set(now.picture);
    if (document.activeElement !== c.seed) c.seed.value = now.seed;
    if (picture) picture.hidden = Boolean(shown);
    out.hidden = !shown;
    if (shown) {
      const samples = shown.xt.length / area;
      const across = Math.ceil(Math.sqrt(samples));
      for (const canvas of canvases) if (canvas.width !== across * size) canvas.width = canvas.height = across * size;
      for (let k = 0; k < samples; k++) {
        const part = [k * area, (k + 1) * area];
        const place = [size * (k % across), size * Math.floor(k / across)];
        paint(canvases[0], shown.xt.subarray(...part), channels, size, ...place);
        paint(canvases[1], shown.x0.subarray(...part), channels, size, ...place);
      }
      frames[0].caption.replaceChildren(math("x", "t"), `, t = ${run.t}`);
      canvases[0].setAttribute("aria-label", `${samples === 1 ? "the sample" : `${samples} samples`} at t = ${run.t}`);
      canvases[1].setAttribute("aria-label", `what the model takes the finished ${samples === 1 ? "picture" : "pictures"} for, at t = ${run.t}`);
    }
    say();
    publish(root, { ...run, ...now });
  }

  function say() {
    const where = LS_ENGINES[run.provider];
    const pace = run.ms_step ? `, ${Math.round(run.ms_step)} ms a step` : "";
    const words = {
      idle: "Choose a sampler, then let the model run.",
      loading: "Loading the runtime and the model; this happens once.",
      ready: `The model is loaded and runs ${where}.`,
      running: `Step ${run.i} of ${run.of}, t = ${run.t}${pace}, ${where}.`,
      done: `Done: ${run.of} steps of ${LS_NAMES[now.method]} in ${run.seconds.toFixed(1)} s${pace}, ${where}.`,
      stopped: run.of ? `Stopped at step ${run.i} of ${run.of}, t = ${run.t}.` : "Stopped.",
      failed: "What you see was computed before and stored.",
    }[run.phase];
    text(status, words);
    if (run.phase !== "running") live.say(words);
  }

  const ask = onceAFrame(draw);
  const why = root.model ? "" : obstacle();
  if (why) {
    Object.assign(run, { phase: "failed", reason: why });
    warn(why);
  }
  ask();
  const sampling = {
    stop() {
      ticket += 1;
      backend?.close();
    },
  };
  return viewOf(now, ask, sampling, ask, live, panel);
}

const liveSampler = makeWidget("live-sampler", mountLive, ["method", "steps", "eta", "seed"]);
export default liveSampler;
