// What is seen of <reverse-player>: controls, thumbnails, one run or two.
import { checkbox, iconButton, picker, select, slider } from "../kit/controls.mjs";
import { h, math, note, panel, row, text } from "../kit/dom.mjs";
import { watch } from "../kit/memo.mjs";
import { clamp } from "../kit/numbers.mjs";
import { frame, paint, pixelCanvas } from "../kit/paint.mjs";
import { nearest } from "./facts.mjs";
import { SPEEDS, noteOf, stateWords } from "./words.mjs";

const CSS = `
.de-rp-views{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,270px),1fr));gap:14px 24px}
.de-rp-view{display:grid;gap:8px;width:100%;max-width:500px;margin:0 auto;align-content:start;min-width:0}
.de-rp-view>.de-label{justify-content:center;color:var(--w-text);font-weight:600;min-height:1.3em}
.de-rp-pair{display:grid;grid-template-columns:1fr 1fr;gap:12px}
.de-rp-film{position:relative;margin:0 auto;width:100%}
.de-rp-film>div{position:absolute;top:-3px;bottom:-3px;border:2px solid var(--w-teal);border-radius:5px;
  pointer-events:none}
.de-rp-steps{display:grid;grid-template-columns:auto 1fr;gap:6px 12px;align-items:center}
@container (max-width:520px){.de-rp-steps{grid-template-columns:1fr}.de-status{min-height:5.6em}}
`;

// The film of all stored states of a run. The longest run (`most` states) fills the width; the frames of a shorter one
// keep their size, so that nothing below moves.
function filmView({ size, channels }, most, goTo) {
  const looks = { class: "de-strip", width: most * size, height: 2 * size };
  const film = h("canvas", { ...looks, role: "img", "aria-label": "film of the run" });
  const cursor = h("div");
  const reel = h("div", { class: "de-rp-film" }, film, cursor);
  let count = 1;
  const follow = (event) => {
    const box = film.getBoundingClientRect();
    goTo(clamp(Math.floor(((event.clientX - box.left) / box.width) * count), 0, count - 1));
  };
  film.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    film.setPointerCapture(event.pointerId);
    follow(event);
  });
  film.addEventListener("pointermove", (event) => film.hasPointerCapture(event.pointerId) && follow(event));
  return {
    el: reel,
    draw(run, states) {
      count = run.t.length;
      film.width = count * size;
      reel.style.width = `${(100 * count) / most}%`;
      states.forEach(([xt, x0], i) => {
        paint(film, xt, channels, size, i * size, 0);
        paint(film, x0, channels, size, i * size, size);
      });
      const words = `${count} stored states from noise to picture; x_t above, estimate of x_0 below`;
      film.setAttribute("aria-label", `${run.label}: ${words}`);
    },
    mark(f) {
      cursor.style.left = `calc(${(100 * f) / count}% - 2px)`;
      cursor.style.width = `calc(${100 / count}% + 4px)`;
    },
  };
}

// One run on show: a pair of images and the film.
function runView(data, most, goTo) {
  const { size, channels } = data;
  const canvases = { xt: pixelCanvas(size), x0: pixelCanvas(size) };
  const title = h("div", { class: "de-label" });
  const hat = frame(canvases.x0, "blue", "estimate of ", math("x", "0"));
  const now = frame(canvases.xt, "violet", math("x", "t"));
  const film = filmView(data, most, goTo);
  const el = h("div", { class: "de-rp-view" }, title, h("div", { class: "de-rp-pair" }, now.el, hat.el), film.el);
  const differs = watch();
  return {
    el,
    draw(facts, states) {
      if (differs("states", states)) film.draw(data.runs[facts.run], states);
      const [xt, x0] = states[facts.frame];
      const words = `${stateWords(facts)} of ${facts.label}`;
      text(title, facts.label);
      paint(canvases.xt, xt, channels, size);
      paint(canvases.x0, x0, channels, size);
      now.caption.replaceChildren(math("x", "t"), `, t = ${facts.t}`);
      canvases.xt.setAttribute("aria-label", `x_t at ${words}`);
      canvases.x0.setAttribute("aria-label", `estimate of x_0 at ${words}`);
      film.mark(facts.frame);
    },
  };
}

function controlsOf({ runs, schedule: { T } }, now, { change, goTo }) {
  const names = runs.map((run, i) => [String(i), run.label]);
  const pickB = () => change({ run_b: Number(runB.value) });
  const runB = h("select", { "data-role": "run-b", "aria-label": "Sampler to compare with", onchange: pickB });
  runB.append(...names.map(([v, words]) => h("option", { value: v }, words)));
  runB.value = String(now.run_b >= 0 ? now.run_b : Math.min(1, names.length - 1));
  // Another run keeps the place: the stored state whose t is nearest.
  const changeRun = (run) => change({ run, frame: nearest(runs[run], runs[now.run].t[now.frame]) });
  const ts = () => runs[now.run].t;
  const step = { role: "step", label: math("t"), name: "step t, from noise to image", min: 0, max: T, stops: ts };
  return {
    runB,
    run: select({
      ...{ role: "run", label: "Sampler", options: names, value: String(now.run) },
      onpick: (v) => changeRun(Number(v)),
    }),
    compare: checkbox({
      ...{ role: "compare", label: "compare with", value: now.run_b >= 0 },
      onpick: (on) => change({ run_b: on ? Number(runB.value) : -1 }),
    }),
    speed: select({ role: "speed", label: "Speed", options: SPEEDS, value: "8", onpick: () => {} }),
    step: slider({ ...step, oninput: (t) => goTo(nearest(runs[now.run], t)), say: (t) => `t = ${t}` }),
  };
}

function drawControls(c, now, run, words) {
  c.run.input.value = String(now.run);
  c.compare.input.checked = now.run_b >= 0;
  c.runB.disabled = now.run_b < 0;
  if (now.run_b >= 0) c.runB.value = String(now.run_b);
  c.step.limit(0, run.t[0]);
  c.step.set(run.t[now.frame]);
  c.step.range.setAttribute("aria-valuetext", words);
}

// The samples' thumbnails come a moment later, when the images are unpacked; their room is kept. One alone is no
// choice.
function thumbnails({ size, channels, seeds }, change) {
  const el = row();
  el.hidden = seeds.length < 2;
  el.style.minHeight = "38px";
  const differs = watch();
  let pick = null;
  function fill(now, images) {
    differs("run", now.run);
    pick = picker({
      ...{ role: "sample", legend: "Sample", size, channels, labels: seeds.map((seed) => `seed ${seed}`) },
      values: (k) => images.final(now.run, k),
      onpick: (k) => change({ sample: k }),
    });
    el.append(h("span", { class: "de-label" }, "Seed"), pick.el);
  }
  function draw(now, images) {
    if (el.hidden) return;
    if (!pick) fill(now, images);
    if (differs("run", now.run)) {
      pick.inputs.forEach(({ canvas }, k) => paint(canvas, images.final(now.run, k), channels, size));
    }
    pick.set(now.sample);
  }
  return { el, draw };
}

// on: {change(patch), goTo(frame), last()}.
export function reverseView(now, data, on) {
  const { runs } = data;
  const controls = controlsOf(data, now, on);
  const most = Math.max(...runs.map((run) => run.t.length));
  const besides = (f) => on.goTo(nearest(runs[now.run], runs[now.run_b].t[f]));
  const views = [runView(data, most, on.goTo), runView(data, most, besides)];
  const to = (by) => () => on.goTo(clamp(now.frame + by, 0, on.last()));
  const buttons = {
    prev: iconButton("prev", "prev", "One state back", to(-1)),
    play: iconButton("play", "play", "Play", null, true),
    next: iconButton("next", "next", "One state on", to(1)),
  };
  const status = h("p", { class: "de-status" });
  const samples = thumbnails(data, on.change);
  views[1].el.hidden = now.run_b < 0;
  const walk = row(buttons.prev.el, buttons.play.el, buttons.next.el, controls.speed.el);
  return {
    ...{ play: buttons.play, status, seconds: () => Number(controls.speed.input.value) },
    panel: panel(
      "Player of the reverse process",
      CSS,
      ...[row(controls.run.el, controls.compare.el, controls.runB), samples.el],
      h("div", { class: "de-rp-views" }, views[0].el, views[1].el),
      h("div", { class: "de-rp-steps" }, walk, controls.step.el),
      ...[status, note(noteOf(data))],
    ),
    draw(shown, images, words) {
      drawControls(controls, now, runs[now.run], words.state);
      samples.draw(now, images);
      views[1].el.hidden = now.run_b < 0;
      shown.forEach((facts, i) => views[i].draw(facts, images.states(facts.run, now.sample)));
      const muted = h("span", { class: "de-muted" }, math("x", "t"), words.moments);
      const share = [`: noise share 1 − `, math("ᾱ", "t"), words.share];
      status.replaceChildren(h("b", {}, words.state), ...share, muted);
    },
  };
}
