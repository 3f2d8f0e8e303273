// <text-painter>: a prompt becomes an image. The text tower runs in this page, the U-Net and the decoder in a worker of
// it; before they are loaded, and where they cannot be, runs that travel with the page are shown.
//
// Controls (data-role): prompt and negative (comboboxes; prompt-list and negative-list are their lists), example (one
// button a stored prompt), run, stop, guidance, guidance-number, steps, steps-number, n, seed, new-seed, word (one
// button a word: whose map is shown).
// state: {phase: idle | loading | ready | running | done | stopped | failed, reason, provider: webgpu | wasm | python,
//         prompt, negative, guidance, steps, seed, n, word, i, of, t, ms_step, seconds, load_seconds, bytes,
//         unet_ms, decoder_ms, source: "" | stored | model, unknown, notes, words: [[word, share], ...],
//         shown: {prompt, guidance, steps, seed, n} of what is seen, with exact where it was stored}
// element.result: {images, xt, words, times} of the last run, all samples one after another.
// The noise of image k is gaussian(seed + k) of maths/noise.mjs; maths/noise.py in Python gives the same.
import { memo } from "../kit/memo.mjs";
import { makeWidget, publish, viewOf } from "../kit/mount.mjs";
import { announcer, onceAFrame } from "../kit/play.mjs";
import { fromDescription } from "../maths/schedules.mjs";
import { SHARED, jobOf, placesOf, storedRun, unknownWords, unpacked } from "./facts.mjs";
import { PaintSession } from "./session.mjs";
import { painterView } from "./view.mjs";
import { goWords, promptNotes, statusWords } from "./words.mjs";

// The stored images: pixels(run) is one of them in [-1, 1], once their sheet is there.
function sheetOf({ sheet, columns }, [channels, size], onload) {
  const image = new Image();
  image.onload = onload;
  image.src = sheet;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  return (run) => {
    if (!image.naturalWidth) return null;
    context.drawImage(image, -size * (run % columns), -size * Math.floor(run / columns));
    const { data } = context.getImageData(0, 0, size, size);
    const area = size * size;
    return Float64Array.from({ length: channels * area }, (_, i) => {
      return data[4 * (i % area) + Math.floor(i / area)] / 127.5 - 1;
    });
  };
}

// What is seen now: the model's last state, or else the stored run that is nearest.
function shownOf(session, now, data, pixels) {
  if (session.shown) {
    const { t, s, images, xt, x0, asked, words } = session.shown;
    const drawn = t === 0 && s === 0 ? x0 : xt;
    return { source: "model", shown: { t, images, drawn, n: asked.n, asked, words } };
  }
  const stored = storedRun(now, data);
  const images = stored && pixels(stored.run);
  if (!images) return { source: "", shown: null };
  const { steps, seed } = data.stored;
  const asked = { prompt: now.prompt, guidance: stored.guidance, steps, seed, n: 1, exact: stored.exact };
  const drawn = data.network.latent ? stored.drawn : images;
  return { source: "stored", shown: { t: 0, images, drawn, n: 1, asked, words: stored.words } };
}

function published({ run, spent }, now, { source, shown }, unknown, notes) {
  const words = (shown?.words ?? []).map(({ word, share }) => [word, share]);
  const times = { unet_ms: spent.unet, decoder_ms: spent.decoder };
  return { ...run, ...now, ...times, source, shown: shown?.asked ?? null, unknown, notes, words };
}

function mount(root, raw, changed) {
  const data = { ...unpacked(raw), schedule: fromDescription(raw.schedule) };
  /** @type {any} */
  const now = { ...Object.fromEntries(SHARED.map((name) => [name, data[name]])), word: -1 };
  const pixels = sheetOf(data.stored, data.network.image, () => ask());
  const once = memo();
  const go = () => session.toggle(prepare);
  const view = painterView(data, now, { change, paintAgain, go, enter: () => session.paint(prepare) });
  const live = announcer();
  view.panel.append(live.el);
  root.append(view.panel);
  const page = { ...view.problem, redraw: () => ask(), loaded: (share) => (view.bar.value = share) };
  const ask = onceAFrame(draw);
  const session = new PaintSession(data, root.model, page);
  const prepare = () => jobOf(now, data, session.encode);

  function change(patch) {
    Object.assign(now, patch);
    if ("prompt" in patch) now.word = -1;
    changed(Object.fromEntries(Object.entries(patch).filter(([name]) => SHARED.includes(name))));
    ask();
  }

  // With the model at hand a change is painted at once; without, the stored runs answer.
  function paintAgain(patch) {
    change(patch);
    session.paintAgain(prepare);
  }

  function draw() {
    const { run } = session;
    const seen = shownOf(session, now, data, pixels);
    const unknown = unknownWords([now.prompt, now.negative], data.known);
    const cut = session.encode ? once("cut", now.prompt, () => placesOf(session.encode(now.prompt)).cut) : [];
    const notes = promptNotes(unknown, cut, data.network.length);
    const status = statusWords(run, seen.shown, seen.source);
    view.draw(session, seen.shown, { go: goWords(run, Boolean(root.model), data.network.bytes), status, notes });
    if (session.result) root.result = session.result;
    if (run.phase !== "running") live.say([status, ...notes].join(" "));
    publish(root, published(session, now, seen, unknown, notes));
  }

  ask();
  const redraw = () => {
    ask();
    session.paintAgain(prepare);
  };
  return viewOf(now, redraw, session, ask, live, view.panel);
}

const textPainter = makeWidget("text-painter", mount, SHARED);
export default textPainter;
