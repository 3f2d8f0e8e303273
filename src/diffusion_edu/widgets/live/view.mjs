// What is seen of <live-sampler>: its controls, the two images of a run, the button and its bar.
import { picker, seedBox, select, slider } from "../kit/controls.mjs";
import { h, math, text } from "../kit/dom.mjs";
import { frame, paint, pixelCanvas } from "../kit/paint.mjs";
import { drawingPad } from "./pad.mjs";
import { NOTE, STARTS, canvasWords } from "./words.mjs";

export const CSS = `
.de-ls-out{display:grid;grid-template-columns:1fr 1fr;gap:14px;width:100%;max-width:560px;margin:0 auto}
.de-ls-start{display:grid;gap:10px}
.de-ls-start>.de-row{min-height:44px}
.de-ls-knobs{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,270px),1fr));gap:8px 24px}
.de-ls-go{display:grid;grid-template-columns:auto 1fr;gap:10px 14px;align-items:center}
.de-ls-go progress{width:100%;height:10px;accent-color:var(--w-teal)}
.de-ls-stored{margin:0;display:grid;gap:6px}.de-ls-stored img{display:block;width:100%;image-rendering:pixelated;
  border-radius:6px}
`;

// Sampler, number of images, seed, steps and eta.
function samplerView(now, traits, change) {
  const [least, most] = traits.steps.limits;
  const method = select({
    role: "method",
    label: "Sampler",
    options: traits.method.choices,
    value: now.method,
    onpick: (value) => change({ method: value }),
  });
  const steps = slider({
    ...{ role: "steps", label: "steps", name: "number of steps", colour: "grey" },
    ...{ min: least, max: most, log: true, say: (n) => `${n} steps` },
    oninput: (n) => change({ steps: Math.round(n) }),
  });
  const eta = slider({
    ...{ role: "eta", label: math("η"), name: "eta, share of fresh noise", colour: "orange" },
    ...{ min: 0, max: 1, step: 0.05 },
    oninput: (value) => change({ eta: value }),
  });
  const counts = ["1", "4"].map((n) => [n, n]);
  const onpick = (n) => change({ samples: Number(n) });
  const samples = select({ role: "samples", label: "Images", options: counts, value: String(now.samples), onpick });
  const label = "Seed of the first sample";
  const seed = seedBox({ label, limits: traits.seed.limits, now, change, by: () => now.samples });
  return {
    els: [
      h("div", { class: "de-row" }, method.el, samples.el, seed.el, seed.renew),
      h("div", { class: "de-ls-knobs" }, steps.el, eta.el),
    ],
    draw() {
      method.input.value = now.method;
      steps.set(now.steps);
      eta.set(now.eta);
      for (const input of [eta.range, eta.box]) input.disabled = now.method !== "ddim";
      seed.set(now.seed);
    },
  };
}

function fileView(onfile) {
  const input = h("input", {
    type: "file",
    accept: "image/*",
    "data-role": "file",
    "aria-label": "Image to start from",
    onchange: () => input.files[0] && onfile(input.files[0], input),
  });
  const name = h("span", { class: "de-muted" });
  const box = h("span", { class: "de-file" }, input, h("span", { "aria-hidden": "true" }, "Choose a file …"));
  return { el: h("div", { class: "de-row" }, box, name), name };
}

// What a run starts from; x0() is the image chosen, or null for noise.
function startView(now, { size, channels, labels, stored, T }, change, onfile) {
  const start = select({
    role: "start",
    label: "Start from",
    options: STARTS,
    value: now.start,
    onpick: (value) => change({ start: value }),
  });
  const startT = slider({
    role: "start-t",
    label: h("span", {}, "noised to ", math("t")),
    name: "step that the start is noised to",
    ...{ min: 1, max: T, say: (t) => `t = ${t}` },
    oninput: (t) => change({ start_t: t }),
  });
  const pad = drawingPad(size, channels, () => change({}));
  const pick = picker({
    ...{ role: "picture", legend: "Image to start from", size, channels, labels },
    values: (i) => stored[i],
    onpick: (i) => change({ picture: i }),
  });
  const file = fileView(onfile);
  const from = { picture: pick.el, drawing: pad.el, own: file.el };
  const row = h("div", { class: "de-row" }, start.el, ...Object.values(from));
  return {
    el: h("div", { class: "de-ls-start" }, row, startT.el),
    fileName: file.name,
    x0: (own) => ({ noise: null, picture: stored[now.picture], drawing: pad.x0(), own })[now.start],
    draw() {
      start.input.value = now.start;
      startT.set(now.start_t);
      startT.el.hidden = now.start === "noise";
      for (const [name, el] of Object.entries(from)) el.hidden = name !== now.start;
      pick.set(now.picture);
    },
  };
}

// x_t and the estimate of x_0 of all samples, in a square; before the first run, the run that was stored.
function outputView(size, channels, fallback) {
  const area = channels * size * size;
  const canvases = [pixelCanvas(2 * size), pixelCanvas(2 * size)];
  const frames = [
    frame(canvases[0], "violet", math("x", "t")),
    frame(canvases[1], "blue", "estimate of ", math("x", "0")),
  ];
  const out = h("div", { class: "de-ls-out", hidden: true }, ...frames.map((f) => f.el));
  const caption = fallback && h("figcaption", { class: "de-note" }, `A run that was stored: ${fallback.alt}.`);
  const image = fallback && h("img", { src: fallback.src, alt: fallback.alt });
  const stored = fallback ? h("figure", { class: "de-ls-stored" }, image, caption) : null;

  function draw(shown, t) {
    if (stored) stored.hidden = Boolean(shown);
    out.hidden = !shown;
    if (!shown) return;
    const samples = shown.xt.length / area;
    const across = Math.ceil(Math.sqrt(samples));
    for (const canvas of canvases) if (canvas.width !== across * size) canvas.width = canvas.height = across * size;
    for (let k = 0; k < samples; k++) {
      const place = [size * (k % across), size * Math.floor(k / across)];
      const part = (values) => values.subarray(k * area, (k + 1) * area);
      paint(canvases[0], part(shown.xt), channels, size, ...place);
      paint(canvases[1], part(shown.x0), channels, size, ...place);
    }
    frames[0].caption.replaceChildren(math("x", "t"), `, t = ${t}`);
    canvasWords(samples, t).forEach((words, i) => canvases[i].setAttribute("aria-label", words));
  }
  return { els: [stored, out], draw };
}

// data: {size, channels, labels, stored, T, traits}; on: {change(patch), file(file, input), go()}.
export function liveView(now, data, fallback, on) {
  const sampler = samplerView(now, data.traits, on.change);
  const start = startView(now, data, on.change, on.file);
  const output = outputView(data.size, data.channels, fallback);
  const go = h("button", { type: "button", class: "de-main", "data-role": "run", onclick: on.go });
  const bar = h("progress", { max: 1, value: 0, "aria-label": "Progress" });
  const status = h("p", { class: "de-status", "data-role": "status" });
  const problem = h("p", { class: "de-warn de-orange", role: "alert", hidden: true });
  const panel = h(
    "div",
    { class: "de-panel", role: "group", "aria-label": "The trained model, in this page" },
    h("style", {}, CSS),
    ...sampler.els,
    start.el,
    h("div", { class: "de-ls-go" }, go, bar),
    problem,
    ...output.els,
    status,
    h("p", { class: "de-note" }, NOTE),
  );

  function draw({ run, busy, shown }, words) {
    text(go, words.go);
    go.dataset.role = busy ? "stop" : "run";
    bar.hidden = !busy && run.phase !== "done";
    if (run.phase !== "loading") bar.value = run.of ? run.i / run.of : 0;
    sampler.draw();
    start.draw();
    output.draw(shown, run.t);
    text(status, words.status);
  }
  return { panel, bar, problem, fileName: start.fileName, x0: start.x0, draw };
}
