// What is seen of <live-sampler>: its controls, the two images of a run, the button and its bar.
import { picker, seedBox, select, slider } from "../kit/controls.mjs";
import { h, math, text } from "../kit/dom.mjs";
import { frame, paint, pixelCanvas } from "../kit/paint.mjs";
import { drawingPad } from "./pad.mjs";
import { NOTE, STARTS, canvasWords, noiseWords, storedTitle } from "./words.mjs";

export const CSS = `
/* Room is kept for what a choice or a run will show, so that the text below stays where it is. */
.de-ls-set{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,270px),1fr));gap:10px 24px;
  align-items:start}
.de-ls-knobs{display:grid;gap:8px;--w-label:5.4em}
.de-ls-start{display:grid;grid-template-columns:minmax(0,1fr) 124px;gap:8px 12px;min-height:128px;align-items:start}
.de-ls-start>div:first-child{display:grid;gap:8px;justify-items:start;min-width:0}
.de-ls-set .de-ls-idle{visibility:hidden}
.de-ls-pad{position:relative}
.de-ls-hint{position:absolute;inset:0;display:grid;place-items:center;pointer-events:none;border-radius:6px;
  background:#000;color:#fff;font-size:.8125rem}
.de-ls-show{display:grid;align-items:center;width:100%}.de-ls-show>*{grid-area:1/1;min-width:0}
.de-ls-show>.is-away{visibility:hidden}
.de-ls-out{display:flex;justify-content:center;gap:14px;width:100%;max-width:560px;margin:0 auto}
.de-ls-out>figure{flex:0 0 calc(50% - 7px)}
.de-ls-go{display:grid;grid-template-columns:auto 1fr;gap:10px 14px;align-items:center}
.de-ls-go progress{width:100%;height:10px;accent-color:var(--w-teal)}
.de-ls-stored{margin:0;display:grid;gap:6px}.de-ls-stored img{display:block;width:100%;image-rendering:pixelated}
.de-ls-times{display:flex;justify-content:space-around;font-size:.72rem;color:var(--w-muted)}
.de-ls-times span{flex:1 1 0;text-align:center}
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
    row: h("div", { class: "de-row" }, method.el, samples.el, seed.el, seed.renew),
    knobs: [steps.el, eta.el],
    draw() {
      method.input.value = now.method;
      steps.set(now.steps);
      eta.set(now.eta);
      for (const input of [eta.range, eta.box]) input.disabled = now.method !== "ddim";
      seed.set(now.seed);
    },
  };
}

// The reader's own file, and how the network gets it; show(x0, name) once it is read.
function fileView(size, channels, onfile) {
  const input = h("input", {
    type: "file",
    accept: "image/*",
    "data-role": "file",
    "aria-label": "Image to start from",
    onchange: () => input.files[0] && onfile(input.files[0], input),
  });
  const name = h("span", { class: "de-muted de-ls-name" });
  const box = h("span", { class: "de-file" }, input, h("span", { "aria-hidden": "true" }, "Choose a file …"));
  const preview = pixelCanvas(size);
  preview.dataset.role = "preview";
  preview.hidden = true;
  function show(x0, file) {
    text(name, file);
    paint(preview, x0, channels, size);
    preview.setAttribute("aria-label", `${file}, as the network gets it: ${size} by ${size} pixels`);
    preview.hidden = false;
  }
  return { el: h("div", { class: "de-row" }, box, name), preview: h("div", {}, preview), show };
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
  const file = fileView(size, channels, onfile);
  const alone = h("p", { class: "de-note" }, noiseWords(T));
  const from = { noise: [alone], picture: [pick.el], drawing: [pad.clear, pad.el], own: [file.el, file.preview] };
  const choices = h("div", {}, start.el, alone, pick.el, pad.clear, file.el);
  return {
    el: h("div", { class: "de-ls-start" }, choices, pad.el, file.preview),
    knob: startT.el,
    showOwn: file.show,
    x0: (own) => ({ noise: null, picture: stored[now.picture], drawing: pad.x0(), own })[now.start],
    draw() {
      start.input.value = now.start;
      startT.set(now.start_t);
      startT.el.classList.toggle("de-ls-idle", now.start === "noise");
      for (const [name, els] of Object.entries(from)) for (const el of els) el.hidden = name !== now.start;
      pick.set(now.picture);
    },
  };
}

// The run that was stored; still: its steps, and t of each column.
function storedView(fallback, still) {
  if (!fallback) return null;
  const image = h("img", { src: fallback.src, alt: fallback.alt });
  const caption = (...words) => h("figcaption", { class: "de-note" }, ...words);
  const names = { class: "de-ls-stored" };
  // Pages stored by version 0.1 have the steps in the words alone.
  if (!still) return h("figure", names, image, caption(`A run that was stored: ${fallback.alt}.`));
  const times = h("div", { class: "de-ls-times" }, ...still.times.map((t) => h("span", {}, String(t))));
  const title = h("span", { class: "de-note" }, storedTitle(still.steps));
  const rows = caption("Above: the noised image ", math("x", "t"), ". Below: the estimate of ", math("x", "0"), ".");
  return h("figure", names, title, times, image, rows);
}

// x_t and the estimate of x_0 of all samples, in a square; before the first run, the run that was stored.
function outputView({ size, channels, still }, fallback) {
  const area = channels * size * size;
  const canvases = [pixelCanvas(2 * size), pixelCanvas(2 * size)];
  const frames = [
    frame(canvases[0], "violet", math("x", "t")),
    frame(canvases[1], "blue", "estimate of ", math("x", "0")),
  ];
  const out = h("div", { class: "de-ls-out" }, ...frames.map((f) => f.el));
  const stored = storedView(fallback, still);

  function draw(shown, t) {
    stored?.classList.toggle("is-away", Boolean(shown));
    out.classList.toggle("is-away", !shown);
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
    // At the end both are the same: one of them is enough.
    frames[0].el.hidden = t === 0;
    frames[0].caption.replaceChildren(math("x", "t"), `, t = ${t}`);
    frames[1].caption.replaceChildren(...(t === 0 ? ["finished: "] : ["estimate of "]), math("x", "0"));
    canvasWords(samples, t).forEach((words, i) => canvases[i].setAttribute("aria-label", words));
  }
  return { el: h("div", { class: "de-ls-show" }, stored, out), draw };
}

// data: {size, channels, labels, stored, T, traits, still}; on: {change(patch), file(file, input), go()}.
export function liveView(now, data, fallback, on) {
  const sampler = samplerView(now, data.traits, on.change);
  const start = startView(now, data, on.change, on.file);
  const output = outputView(data, fallback);
  const go = h("button", { type: "button", class: "de-main", "data-role": "run", onclick: on.go });
  const bar = h("progress", { max: 1, value: 0, "aria-label": "Progress" });
  const status = h("p", { class: "de-status", "data-role": "status" });
  const problem = h("p", { class: "de-warn de-orange", role: "alert", hidden: true });
  const panel = h(
    "div",
    { class: "de-panel", role: "group", "aria-label": "The trained model, in this page" },
    h("style", {}, CSS),
    sampler.row,
    h("div", { class: "de-ls-set" }, h("div", { class: "de-ls-knobs" }, ...sampler.knobs, start.knob), start.el),
    h("div", { class: "de-ls-go" }, go, bar),
    problem,
    output.el,
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
  return { panel, bar, problem, showOwn: start.showOwn, x0: start.x0, draw };
}
