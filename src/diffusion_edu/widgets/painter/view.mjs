// What is seen of <text-painter>: the prompt, the knobs, and three views of a run: image, latent, and one word's map.
import { COMBOBOX_CSS, combobox } from "../kit/combobox.mjs";
import { seedBox, select, slider } from "../kit/controls.mjs";
import { button, complaint, h, math, note, panel, row, text } from "../kit/dom.mjs";
import { frame, paint, pixelCanvas } from "../kit/paint.mjs";
import { completions } from "../maths/ranking.mjs";
import { chosenWord, latentSheet, litBy } from "./facts.mjs";
import { NEGATIVE, NOTE, PROMPT, canvasWords, chipWords, mapWords } from "./words.mjs";

const CSS = `
.de-tp-out{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:14px;width:100%}
.de-tp-knobs{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,270px),1fr));gap:8px 24px}
.de-tp-go{display:flex;flex-wrap:wrap;gap:10px 14px;align-items:center}
.de-tp-go progress{flex:1 1 8rem;height:10px;accent-color:var(--w-teal)}
.de-tp-chips{display:flex;flex-wrap:wrap;gap:6px;align-items:center;min-height:32px}
.de-widget .de-tp-chips button[aria-pressed=true]{border-color:var(--w-teal);
  box-shadow:inset 0 0 0 1px var(--w-teal)}
.de-tp-notes{margin:0;padding:0;list-style:none;font-size:.8125rem;min-height:1.4em}
.de-tp-notes li{margin:0 0 2px;padding-left:8px;border-left:3px solid var(--w-orange)}
.de-tp-out .de-frame figcaption{min-height:2.6em}
@container (max-width:560px){.de-tp-out{grid-template-columns:repeat(2,minmax(0,1fr))}
  .de-tp-out>:last-child{grid-column:1/-1;width:calc(50% - 7px);margin:0 auto}}
`;

function promptView(data, now, { change, enter, paintAgain }) {
  const words = data.frequent.filter((word) => /\w\w/.test(word));
  const complete = (begun) => completions(begun, data.things, words);
  const field = (what, name) =>
    combobox({ ...what, complete, maxlength: 400, oninput: (typed) => change({ [name]: typed }), onenter: enter });
  const [prompt, negative] = [field(PROMPT, "prompt"), field(NEGATIVE, "negative")];
  const examples = data.stored.prompts.map(({ text: example }) =>
    button("example", example, () => paintAgain({ prompt: example })),
  );
  return {
    prompt: prompt.el,
    negative: negative.el,
    examples: h("div", { class: "de-tp-chips", role: "group", "aria-label": "Examples" }, ...examples),
    draw() {
      prompt.set(now.prompt);
      negative.set(now.negative);
      examples.forEach((el) => el.setAttribute("aria-pressed", String(el.textContent === now.prompt.trim())));
    },
  };
}

function knobsView({ traits }, now, { change, paintAgain }) {
  const [least, most] = traits.guidance.limits;
  const guidance = slider({
    ...{ role: "guidance", label: h("span", {}, "guidance ", math("w")), name: "guidance scale", colour: "teal" },
    ...{ min: least, max: most, step: 0.25, say: (w) => `guidance ${w}` },
    oninput: (w) => paintAgain({ guidance: w }),
  });
  const [few, many] = traits.steps.limits;
  const steps = slider({
    ...{ role: "steps", label: "steps", name: "number of steps", colour: "grey" },
    ...{ min: few, max: many, log: true, say: (n) => `${n} steps` },
    oninput: (n) => change({ steps: Math.round(n) }),
  });
  const options = traits.n.limits.map((n) => [String(n), String(n)]);
  const onpick = (n) => change({ n: Number(n) });
  const n = select({ role: "n", label: "Images", options, value: String(now.n), onpick });
  const { limits } = traits.seed;
  const seed = seedBox({ label: "Seed of the first image", limits, now, change: paintAgain, by: () => now.n });
  return {
    els: [row(n.el, seed.el, seed.renew), h("div", { class: "de-tp-knobs" }, guidance.el, steps.el)],
    draw() {
      guidance.set(now.guidance);
      steps.set(now.steps);
      seed.set(now.seed);
      n.input.value = String(now.n);
    },
  };
}

// An image for each sample, in a square.
function paintAll(canvas, images, channels, size) {
  const across = Math.ceil(Math.sqrt(images.length));
  if (canvas.width !== across * size) canvas.width = canvas.height = across * size;
  images.forEach((image, k) =>
    paint(canvas, image, channels, size, size * (k % across), size * Math.floor(k / across)),
  );
}

const partsOf = (values, n) =>
  Array.from({ length: n }, (_, k) => values.subarray((k * values.length) / n, ((k + 1) * values.length) / n));

// Image, what is denoised, and the map of a word. shown: {t, images, drawn, n, asked, words}.
function outputView({ network }, now) {
  const { shape, image, latent } = network;
  const canvases = [image[1], image[1], image[1]].map((size) => pixelCanvas(size));
  const captions = ["image", latent ? "latent" : "noised image", "one word"];
  const colours = ["blue", "violet", "teal"];
  const frames = canvases.map((canvas, k) => frame(canvas, colours[k], captions[k]));
  const out = h("div", { class: "de-tp-out" }, ...frames.map((f) => f.el));
  const symbol = latent ? "z" : "x";

  function drawState(values, n) {
    const parts = partsOf(values, n);
    if (!latent) return paintAll(canvases[1], parts, shape[0], shape[1]);
    const sheets = parts.map((part) => latentSheet(part, shape));
    const { side } = sheets[0];
    return paintAll(canvases[1], sheets.map(({ sheet }) => sheet), 1, side); // prettier-ignore
  }
  function draw(shown) {
    out.hidden = !shown;
    if (!shown) return;
    const { t, n, words } = shown;
    const chosen = chosenWord(words, now.word);
    const images = partsOf(shown.images, n);
    paintAll(canvases[0], images, image[0], image[1]);
    drawState(shown.drawn, n);
    const maps = chosen < 0 ? null : partsOf(words[chosen].values, n);
    const lit = maps ? images.map((one, k) => litBy(one, image[0], maps[k])) : images;
    paintAll(canvases[2], lit, image[0], image[1]);
    frames[0].caption.replaceChildren(t ? "estimate of the image" : "image");
    const at = t ? `, t = ${t}` : "";
    const channels = latent ? `: ${shape[0]} channels` : "";
    frames[1].caption.replaceChildren(math(symbol, t ? "t" : "0"), `${at}${channels}`);
    frames[2].caption.replaceChildren(mapWords(words, chosen));
    const labels = canvasWords(t, n, shown.asked, latent && shape, words[chosen]?.word);
    canvases.forEach((canvas, k) => canvas.setAttribute("aria-label", labels[k]));
  }
  return { el: out, draw };
}

// The words of what is shown, as buttons that choose whose map is seen.
function chipsView(now, change) {
  const el = h("div", { class: "de-tp-chips", role: "group", "aria-label": "Word whose map is shown" });
  let known = "";
  function draw(words) {
    const chosen = chosenWord(words, now.word);
    const key = JSON.stringify(words.map(({ word }) => word));
    if (key !== known) {
      known = key;
      el.replaceChildren(...words.map((_, i) => button("word", "", () => change({ word: i }))));
    }
    [...el.children].forEach((chip, i) => {
      text(chip, chipWords(words[i]));
      chip.setAttribute("aria-pressed", String(i === chosen));
    });
  }
  return { el, draw };
}

// on: {change(patch), paintAgain(patch), go(), enter()}.
export function painterView(data, now, on) {
  const prompt = promptView(data, now, on);
  const knobs = knobsView(data, now, on);
  const output = outputView(data, now);
  const chips = chipsView(now, on.change);
  const problem = complaint();
  const go = h("button", { type: "button", class: "de-main", "data-role": "run", onclick: on.go });
  const bar = h("progress", { max: 1, value: 0, "aria-label": "Progress" });
  const status = h("p", { class: "de-status", "data-role": "status" });
  const notes = h("ul", { class: "de-tp-notes", "data-role": "notes" });
  const parts = [
    ...[prompt.prompt, notes, prompt.examples, prompt.negative, ...knobs.els],
    ...[h("div", { class: "de-tp-go" }, go, bar), problem.el, output.el, chips.el, status, note(NOTE)],
  ];
  function draw({ run, busy }, shown, words) {
    text(go, words.go);
    go.dataset.role = busy ? "stop" : "run";
    bar.hidden = !busy;
    if (run.phase !== "loading") bar.value = run.of ? run.i / run.of : 0;
    prompt.draw();
    knobs.draw();
    output.draw(shown);
    chips.draw(shown?.words ?? []);
    text(status, words.status);
    if (notes.textContent !== words.notes.join("")) {
      notes.replaceChildren(...words.notes.map((line) => h("li", {}, line)));
    }
  }
  return { panel: panel("Text to image, in this page", COMBOBOX_CSS + CSS, ...parts), bar, problem, draw };
}
