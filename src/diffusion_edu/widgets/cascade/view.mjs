// What is seen of <cascade-player>: of each network what it is given and what it draws, and one time axis over all.
import { iconButton, select, slider } from "../kit/controls.mjs";
import { button, complaint, h, note, panel, rich, row, text } from "../kit/dom.mjs";
import { clamp } from "../kit/numbers.mjs";
import { frame, pixelCanvas } from "../kit/paint.mjs";
import { firstOf, framesOf } from "./facts.mjs";
import { LEVEL, PROMPT, SEED, levelWords, noteOf, stageWords } from "./words.mjs";

const CSS = `
.de-cp{display:grid;grid-auto-flow:column;grid-auto-columns:minmax(0,1fr);grid-template-rows:auto auto;gap:12px 16px}
.de-cp-given figcaption{min-height:2.6em}
.de-cp-given .de-pixels,.de-cp-text{width:min(100%,132px);margin:0 auto}
.de-cp-text{aspect-ratio:1;display:grid;place-items:center;text-align:center;padding:6px;border-radius:6px;
  border:1px dashed var(--w-grey);font-size:.8125rem;overflow-wrap:anywhere;overflow:hidden}
.de-cp .is-waiting .de-pixels{background:var(--w-soft)}
.de-cp .is-running .de-pixels{box-shadow:0 0 0 3px var(--w-teal)}
.de-cp-steps{display:grid;grid-template-columns:auto 1fr;gap:6px 12px;align-items:center}
.de-cp-stages{display:flex;flex-wrap:wrap;gap:6px}
.de-widget .de-cp-stages button[aria-pressed=true]{border-color:var(--w-teal);
  box-shadow:inset 0 0 0 1px var(--w-teal)}
div.de-row .de-label{min-width:0;max-width:100%}
div.de-row label.de-label{flex:none}div.de-row .de-label select{min-width:0;flex:0 1 auto}
@container (max-width:520px){.de-cp{grid-auto-flow:row;grid-template-columns:repeat(2,minmax(0,1fr));
  grid-template-rows:none}.de-cp-given .de-pixels,.de-cp-text{width:100%}
  .de-cp-steps{grid-template-columns:1fr}.de-status{min-height:5.6em}}
`;

// A network: what it is given above (beside it on a narrow page), what it draws below.
function networkView({ side, told }) {
  const [seen, drawn] = [told ? pixelCanvas(side) : h("div", { class: "de-cp-text" }), pixelCanvas(side)];
  const [given, result] = [frame(seen, "violet", "given"), frame(drawn, "blue", "image")];
  given.el.classList.add("de-cp-given");
  const captions = [given, result].map(({ el }) => el.querySelector("figcaption"));

  function show(canvas, tile, i) {
    if (i < 0) canvas.getContext("2d").clearRect(0, 0, side, side);
    else tile(canvas, i);
  }
  return {
    els: [given.el, result.el],
    draw(facts, words, tile, prompt) {
      result.el.classList.toggle("is-running", facts.phase === "runs");
      [given.el, result.el].forEach((el) => el.classList.toggle("is-waiting", facts.phase === "waits"));
      if (told) {
        show(seen, tile, facts.told_tile);
        seen.setAttribute("aria-label", facts.told_tile < 0 ? "not begun" : words.told);
        text(captions[0], facts.told_tile < 0 ? "not begun" : words.told);
      } else {
        text(seen, `“${prompt}”`);
        text(captions[0], "given: the text");
      }
      show(drawn, tile, facts.tile);
      drawn.setAttribute("aria-label", words.label);
      text(captions[1], words.drawn);
    },
  };
}

// A list of choices, or nothing where there is only one.
function choice({ role, label, options, value, onpick }) {
  const made = select({ role, label, options, value, onpick });
  made.el.hidden = options.length < 2;
  return made;
}

function controlsOf(data, now, { change, goTo }) {
  const { seed, level } = data.traits;
  const prompts = data.prompts.map((prompt, i) => [String(i), prompt]);
  const pick = (name, read) => ({ role: name, value: String(now[name]), onpick: (v) => change({ [name]: read(v) }) });
  const levels = level.choices.map(([name]) => [name, levelWords(Number(name))]);
  const axis = { role: "frame", label: "state", name: "state of the cascade", min: 0, max: framesOf(data) - 1 };
  return {
    prompt: choice({ label: PROMPT, options: prompts, ...pick("prompt", Number) }),
    seed: choice({ label: SEED, options: seed.choices, ...pick("seed", String) }),
    level: choice({ label: LEVEL, options: levels, ...pick("level", String) }),
    frame: slider({ ...axis, colour: "teal", oninput: goTo, say: (f) => `state ${f}` }),
    stages: data.networks.map((_, k) => button("stage", stageWords(data, k), () => goTo(firstOf(data, k)))),
  };
}

// on: {change(patch), goTo(frame)}; tiles: of each network, as sheetOf gives them.
export function cascadeView(data, now, on) {
  const last = framesOf(data) - 1;
  const c = controlsOf(data, now, on);
  const networks = data.networks.map(networkView);
  const to = (by) => () => on.goTo(clamp(now.frame + by, 0, last));
  const buttons = {
    prev: iconButton("prev", "prev", "One state back", to(-1)),
    play: iconButton("play", "play", "Play", null, true),
    next: iconButton("next", "next", "One state on", to(1)),
  };
  const problem = complaint();
  const status = h("p", { class: "de-status", "data-role": "status" });
  const walk = row(buttons.prev.el, buttons.play.el, buttons.next.el);
  const names = { class: "de-cp-stages", role: "group", "aria-label": "Networks" };
  return {
    ...{ play: buttons.play, problem },
    panel: panel(
      "Player of a cascade",
      CSS,
      ...[row(c.prompt.el, c.seed.el, c.level.el), problem.el],
      h("div", { class: "de-cp" }, ...networks.flatMap((one) => one.els)),
      h("div", names, ...c.stages),
      h("div", { class: "de-cp-steps" }, walk, c.frame.el),
      ...[status, note(...rich(noteOf(data)))],
    ),
    draw(facts, words, tiles) {
      for (const name of ["prompt", "seed", "level"]) c[name].input.value = String(facts[name]);
      c.frame.set(facts.frame);
      c.frame.range.setAttribute("aria-valuetext", words.value);
      c.stages.forEach((el, k) => el.setAttribute("aria-pressed", String(k === facts.network)));
      networks.forEach((one, k) => {
        const own = { told: words.told[k], drawn: words.drawn[k], label: words.drawnLabels[k] };
        one.draw(facts.networks[k], own, tiles[k], facts.text);
      });
      status.replaceChildren(h("b", {}, words.place), ...rich(words.given));
    },
  };
}
