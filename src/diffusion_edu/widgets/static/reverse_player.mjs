// <reverse-player>: stored runs of the reverse process; x_t and the estimate of x_0 side by side, two runs if wanted.
//
// Controls (data-role): run, compare, run-b, sample (one radio button a seed), prev, play, next, speed, step, step-number.
// state: {run, run_b, label, method, steps, sample, seed, frame, step, t, s, alpha_bar, signal, noise, noise_share,
//         mean, std (both of x_t, from the full numbers), other: {label, step, t, ...} or null, ready}
// Pictures are stored with a few grey levels, on [-1, 1]; what lies beyond is clipped, as in every picture of the book.
import { announcer, bytesFromBase64, checkbox, clamp, frame, h, iconButton, inflate, makeWidget, math, number, onceAFrame, paint, picker, pixelCanvas, player, publish, reducedMotion, select, slider, text, viewOf } from "./common.mjs";
import { makeSchedule, noise, signal } from "./diffusion.mjs";

const RP_SPEEDS = [["16", "slow"], ["8", "normal"], ["4", "fast"]]; // seconds for a whole run
const RP_SHARED = ["run", "run_b", "sample", "frame"];

const RP_CSS = `
.de-rp-views{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,270px),1fr));gap:14px 24px}
.de-rp-view{display:grid;gap:8px;width:100%;max-width:500px;margin:0 auto;align-content:start;min-width:0}
.de-rp-view>.de-label{justify-content:center;color:var(--w-text);font-weight:600;min-height:1.3em}
.de-rp-pair{display:grid;grid-template-columns:1fr 1fr;gap:12px}
.de-rp-film{position:relative;margin:0 auto;width:100%}
.de-rp-film>div{position:absolute;top:-3px;bottom:-3px;border:2px solid var(--w-teal);border-radius:5px;pointer-events:none}
.de-rp-steps{display:grid;grid-template-columns:auto 1fr;gap:6px 12px;align-items:center}
@container (max-width:520px){.de-rp-steps{grid-template-columns:1fr}.de-status{min-height:5.6em}}
`;

// Quantised pictures of one kind: plane k as numbers in [-1, 1].
function planes(bytes, levels, area) {
  return (k) => Float64Array.from(bytes.subarray(k * area, (k + 1) * area), (q) => (2 * q) / (levels - 1) - 1);
}

function scheduleFrom(description) {
  const { name, T, ...options } = description;
  return makeSchedule(name, T, options);
}

// One run on show: a pair of pictures and the film of all stored frames.
function runView(size, channels, most, goTo) {
  const canvases = { xt: pixelCanvas(size), x0: pixelCanvas(size) };
  const title = h("div", { class: "de-label" });
  const hat = frame(canvases.x0, "blue", "estimate of ", math("x", "0"));
  const now = frame(canvases.xt, "violet", math("x", "t"));
  const film = h("canvas", { class: "de-strip", width: most * size, height: 2 * size, role: "img", "aria-label": "film of the run" });
  const cursor = h("div");
  // The longest run fills the width; the frames of a shorter one keep their size, so that nothing below moves.
  const reel = h("div", { class: "de-rp-film" }, film, cursor);
  const el = h("div", { class: "de-rp-view" }, title, h("div", { class: "de-rp-pair" }, now.el, hat.el), reel);
  let count = 1;
  let drawn = "";
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

  function show(run, pictures, f, key, words) {
    if (drawn !== key) {
      drawn = key;
      count = run.t.length;
      film.width = count * size;
      reel.style.width = `${(100 * count) / most}%`;
      pictures.forEach(([xt, x0], i) => {
        paint(film, xt, channels, size, i * size, 0);
        paint(film, x0, channels, size, i * size, size);
      });
      film.setAttribute("aria-label", `${run.label}: ${count} stored states from noise to picture; x_t above, estimate of x_0 below`);
    }
    text(title, run.label);
    paint(canvases.xt, pictures[f][0], channels, size);
    paint(canvases.x0, pictures[f][1], channels, size);
    now.caption.replaceChildren(math("x", "t"), `, t = ${run.t[f]}`);
    canvases.xt.setAttribute("aria-label", `x_t at ${words}`);
    canvases.x0.setAttribute("aria-label", `estimate of x_0 at ${words}`);
    cursor.style.left = `calc(${(100 * f) / count}% - 2px)`;
    cursor.style.width = `calc(${100 / count}% + 4px)`;
  }
  return { el, show };
}

function rpControls(data, now, change, goTo) {
  const names = data.runs.map((run, i) => [String(i), run.label]);
  const runB = h("select", { "data-role": "run-b", "aria-label": "Sampler to compare with", onchange: () => change({ run_b: Number(runB.value) }) });
  runB.append(...names.map(([v, words]) => h("option", { value: v }, words)));
  runB.value = String(now.run_b >= 0 ? now.run_b : Math.min(1, names.length - 1));
  // Another run keeps the place: the stored state whose t is nearest.
  const changeRun = (run) => change({ run, frame: nearest(data.runs[run], data.runs[now.run].t[now.frame]) });
  return {
    runB,
    run: select({ role: "run", label: "Sampler", options: names, value: String(now.run), onpick: (v) => changeRun(Number(v)) }),
    compare: checkbox({ role: "compare", label: "compare with", value: now.run_b >= 0, onpick: (on) => change({ run_b: on ? Number(runB.value) : -1 }) }),
    speed: select({ role: "speed", label: "Speed", options: RP_SPEEDS, value: "8", onpick: () => {} }),
    step: slider({ role: "step", label: "state", name: "stored state of the run", min: 0, max: 1, oninput: goTo, say: (f) => `state ${f}` }),
  };
}

function nearest(run, t) {
  return run.t.reduce((best, v, i) => (Math.abs(v - t) < Math.abs(run.t[best] - t) ? i : best), 0);
}

function mountPlayer(root, data, changed) {
  const { size, channels, seeds, runs } = data;
  const area = channels * size * size;
  const schedule = scheduleFrom(data.schedule);
  const now = Object.fromEntries(RP_SHARED.map((name) => [name, data[name]]));
  const cache = new Map();
  let stored = null; // {xt, x0}: plane readers, once unpacked
  const goTo = (f) => {
    play.stop();
    change({ frame: f });
  };
  const controls = rpControls(data, now, change, goTo);
  const most = Math.max(...runs.map((run) => run.t.length));
  const views = [runView(size, channels, most, goTo), runView(size, channels, most, (f) => goTo(nearest(runs[now.run], runs[now.run_b].t[f])))];
  const buttons = {
    prev: iconButton("prev", "prev", "One state back", () => goTo(Math.max(0, now.frame - 1))),
    play: iconButton("play", "play", "Play", null, true),
    next: iconButton("next", "next", "One state on", () => goTo(Math.min(last(), now.frame + 1))),
  };
  const status = h("p", { class: "de-status" });
  const live = announcer();
  const samples = h("div", { class: "de-row" });
  const panel = h("div", { class: "de-panel", role: "group", "aria-label": "Player of the reverse process" },
    h("style", {}, RP_CSS),
    h("div", { class: "de-row" }, controls.run.el, controls.compare.el, controls.runB),
    samples,
    h("div", { class: "de-rp-views" }, views[0].el, views[1].el),
    h("div", { class: "de-rp-steps" }, h("div", { class: "de-row" }, buttons.prev.el, buttons.play.el, buttons.next.el, controls.speed.el), controls.step.el),
    status,
    h("p", { class: "de-note" }, `Stored pictures: ${data.levels_t} grey levels for x_t, ${data.levels_0} for the estimate, −1 (black) to 1 (white), clipped beyond. Every run of a seed starts from the same noise.`),
    live.el);
  samples.style.minHeight = "38px"; // the thumbnails come a moment later, when the pictures are unpacked
  views[1].el.hidden = now.run_b < 0;
  root.append(panel);
  const last = () => runs[now.run].t.length - 1;

  function change(patch) {
    Object.assign(now, patch);
    changed(patch);
    ask();
  }

  // The two pictures of every stored state of a run; negative x_t planes say "the same as that estimate".
  function picturesOf(r) {
    const key = `${r}/${now.sample}`;
    if (!cache.has(key)) {
      const run = runs[r];
      cache.set(key, run.t.map((_, f) => {
        const [kt, k0] = [run.x_t[now.sample][f], run.x0[now.sample][f]];
        return [kt < 0 ? stored.x0(-1 - kt) : stored.xt(kt), stored.x0(k0)];
      }));
    }
    return cache.get(key);
  }

  const facts = (r, f) => {
    const run = runs[r];
    const t = run.t[f];
    return {
      run: r, label: run.label, method: run.method, steps: run.steps, frame: f, step: run.step[f], t, s: run.s[f], alpha_bar: schedule.alphaBar[t],
      signal: signal(schedule, t), noise: noise(schedule, t), noise_share: 1 - schedule.alphaBar[t], mean: run.mean[now.sample][f], std: run.std[now.sample][f],
    };
  };
  const words = (v) => `step ${v.step} of ${v.steps}, t = ${v.t}`;

  let pick = null;
  let thumbs = now.run; // the run whose samples the thumbnails show
  const ask = onceAFrame(() => {
    if (!stored) return;
    now.frame = clamp(now.frame, 0, last());
    const shown = [facts(now.run, now.frame)];
    if (now.run_b >= 0) shown.push(facts(now.run_b, nearest(runs[now.run_b], shown[0].t)));
    controls.run.input.value = String(now.run);
    controls.compare.input.checked = now.run_b >= 0;
    controls.runB.disabled = now.run_b < 0;
    if (now.run_b >= 0) controls.runB.value = String(now.run_b);
    controls.step.limit(0, last());
    controls.step.set(now.frame);
    controls.step.range.setAttribute("aria-valuetext", words(shown[0]));
    if (thumbs !== now.run) {
      thumbs = now.run;
      pick.inputs.forEach(({ canvas }, i) => paint(canvas, stored.x0(runs[now.run].x0[i].at(-1)), channels, size));
    }
    pick.set(now.sample);
    views[1].el.hidden = now.run_b < 0;
    shown.forEach((v, i) => views[i].show(runs[v.run], picturesOf(v.run), v.frame, `${v.run}/${now.sample}`, `${words(v)} of ${v.label}`));
    say(shown);
    const { run, label, ...rest } = shown[0];
    publish(root, { run, label, ...rest, run_b: now.run_b, sample: now.sample, seed: seeds[now.sample], other: shown[1] ?? null, ready: true });
  });

  function say(shown) {
    const [v, w] = shown;
    const share = Math.round(100 * v.noise_share);
    const end = v.t === 0 ? " Done: x_0 is the sample." : v.step === 0 ? " The start: pure noise." : "";
    const also = w ? ` Beside it ${w.label}: ${words(w)}.` : "";
    status.replaceChildren(h("b", {}, `${words(v)}`), `: noise share 1 − `, math("ᾱ", "t"), ` = ${share} %, signal ${number(v.signal)}, noise ${number(v.noise)}. `,
      h("span", { class: "de-muted" }, math("x", "t"), `: mean ${number(v.mean, 2)}, standard deviation ${number(v.std, 2)}.${end}${also}`));
    live.say(`${v.label}, ${words(v)}: ${share} percent noise.${end}${also}`);
  }

  let place = 0;
  const play = player(buttons.play, (seconds) => {
    if (!stored) return false;
    if (now.frame >= last()) place = 0;
    else if (Math.floor(place) !== now.frame) place = now.frame;
    place = reducedMotion() ? now.frame + 1 : place + (seconds * last()) / Number(controls.speed.input.value);
    change({ frame: Math.min(last(), Math.floor(place)) });
    return now.frame < last();
  });

  async function unpack() {
    if (typeof DecompressionStream === "undefined") throw new Error("this browser is too old to unpack the stored pictures.");
    const [t, z] = await Promise.all([inflate(bytesFromBase64(data.data_t)), inflate(bytesFromBase64(data.data_0))]);
    stored = { xt: planes(t, data.levels_t, area), x0: planes(z, data.levels_0, area) };
    const final = (i) => stored.x0(runs[now.run].x0[i].at(-1));
    pick = picker({ role: "sample", legend: "Sample", size, channels, labels: seeds.map((seed) => `seed ${seed}`), values: final, onpick: (i) => change({ sample: i }) });
    samples.append(h("span", { class: "de-label" }, "Seed"), pick.el);
    ask();
  }
  unpack().catch((error) => {
    status.textContent = `The stored pictures cannot be shown: ${error.message}`;
  });

  return viewOf(now, ask, play, ask, live, panel);
}

const reversePlayer = makeWidget("reverse-player", mountPlayer, RP_SHARED);
export default reversePlayer;
