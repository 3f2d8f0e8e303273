// What is seen of <conv-explorer>: controls, formula, the stage with its grids, the sum.
import { iconButton, select, slider } from "../kit/controls.mjs";
import { h, math, note, panel, row, text } from "../kit/dom.mjs";
import { watch } from "../kit/memo.mjs";
import { formulaOf } from "../maths/sizes.mjs";
import { SIZES } from "./facts.mjs";
import { GRID_CSS } from "./grid.mjs";
import { stageView } from "./stage.mjs";
import { sumView } from "./sum.mjs";
import { HINT, NAMES, PRESETS, presetOf } from "./words.mjs";

const CSS = `${GRID_CSS}
.de-ce-controls{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:2px 20px}
.de-ce-controls .de-slider{grid-template-columns:5.4em minmax(48px,1fr) auto;gap:4px 8px;font-size:.8125rem}
.de-ce-controls .de-slider>label{white-space:normal;line-height:1.15}
.de-widget .de-ce-controls input[type=number]{width:3.1rem}
.de-ce-formula{margin:0;min-height:2.9em}.de-ce-formula b{font-weight:600}
.de-ce-stage{display:flex;flex-wrap:wrap;gap:14px 24px;justify-content:center;align-items:flex-start}
.de-widget .de-ce-stage figure{margin:0;padding:0 2px 2px;max-width:100%;overflow:auto hidden}
.de-ce-picks{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:8px 20px}
.de-ce-picks .de-label>label{white-space:nowrap}.de-ce-picks select{min-width:0;width:100%}
.de-ce-walk{display:grid;grid-template-columns:auto minmax(0,1fr);gap:8px 14px;align-items:center}
.de-ce-sum{margin:0;overflow-wrap:anywhere;line-height:24px}
.de-widget button.de-ce-term{display:inline-block;min-height:24px;min-width:24px;padding:0 2px;line-height:22px;
  font-size:inherit;border:1px solid transparent;border-radius:5px;background:none;white-space:nowrap}
.de-widget button.de-ce-term:is(:hover,:focus){border-color:var(--w-text);background:var(--w-soft)}
.de-ce-legend{display:flex;flex-wrap:wrap;gap:4px 14px;margin:0;color:var(--w-muted);font-size:.78rem}
.de-ce-legend>span{display:inline-flex;align-items:center;gap:5px}
.de-ce-legend .de-cg-cell{--cell:18px;font-size:11px}
@container (max-width:520px){.de-ce-controls{grid-template-columns:repeat(2,minmax(0,1fr));gap:4px 14px}
.de-ce-controls .de-slider{grid-template-columns:minmax(0,1fr) auto;gap:0 6px}
.de-ce-controls .de-slider>:last-child{grid-area:1/2}.de-ce-controls .de-slider>:nth-child(2){grid-column:1/-1}
.de-widget .de-ce-controls input[type=number]{min-height:26px;padding:1px 6px}
.de-ce-formula{min-height:4.3em}.de-ce-walk{grid-template-columns:auto minmax(0,1fr);gap:8px}
.de-ce-walk .de-row{gap:4px;flex-wrap:nowrap}.de-ce-walk .de-slider>label{display:none}.de-ce-stage{gap:8px 24px}
.de-widget .de-ce-walk input[type=number]{width:3.1rem}
.de-ce-picks{gap:8px 14px}.de-ce-picks>.de-label{display:grid;gap:2px}}
`;

function sizeSlider(name, [min, max], change) {
  const short = name === "output_padding" ? "op" : name;
  const word = NAMES[name].replace(/ size| \w+$/g, "");
  const label = h("span", {}, `${word} `, short === "op" ? short : math(short));
  return slider({
    ...{ role: short, label, name: NAMES[name], min, max },
    colour: { i: "blue", k: "violet" }[name] ?? "grey",
    oninput: (v) => change({ [name]: v }),
  });
}

function controlsOf(now, traits, { change, goTo }) {
  const pick = (role, label, options, value, onpick) => select({ role, label, options, value, onpick });
  const presets = [["own", "your own settings"], ...PRESETS.map(({ words }, n) => [String(n), words])];
  const take = (v) => PRESETS[v] && change({ ...PRESETS[v].setting, ...PRESETS[v].numbers, cell: 0 });
  const cell = { role: "cell", label: "output", name: "output cell, row by row", min: 0, max: 1, colour: "teal" };
  return {
    mode: pick("mode", "operation", traits.mode.choices, now.mode, (v) => change({ mode: v })),
    preset: pick("preset", "example", presets, "own", take),
    input: pick("input-values", "numbers of the input", traits.input.choices, now.input, (v) => change({ input: v })),
    kernel: pick("kernel-values", "of the kernel", traits.kernel.choices, now.kernel, (v) => change({ kernel: v })),
    sizes: Object.fromEntries(SIZES.map((name) => [name, sizeSlider(name, traits[name].limits, change)])),
    cell: slider({ ...cell, oninput: goTo }),
  };
}

function drawControls(c, now, last, words) {
  c.mode.input.value = now.mode;
  c.input.input.value = now.input;
  c.kernel.input.value = now.kernel;
  c.preset.input.value = presetOf(now);
  for (const name of SIZES) c.sizes[name].set(now[name]);
  c.sizes.output_padding.el.hidden = now.mode === "conv";
  c.cell.limit(0, last);
  c.cell.set(now.cell);
  c.cell.range.setAttribute("aria-valuetext", words.place);
}

// on: {change(patch), goTo(cell), source(key), output(key)}
export function convView(now, traits, on) {
  const controls = controlsOf(now, traits, on);
  const buttons = {
    prev: iconButton("prev", "prev", "One output back", () => on.goTo(now.cell - 1)),
    play: iconButton("play", "play", "Play", null, true),
    next: iconButton("next", "next", "One output on", () => on.goTo(now.cell + 1)),
  };
  const sum = sumView((product) => stage.light(product));
  const stage = stageView(now, sum.el, on);
  const warning = h("p", { class: "de-warn de-orange" });
  const arena = h("div", {}, warning, stage.el);
  const formula = h("p", { class: "de-ce-formula" });
  const [remark, hint] = [note(), note(HINT)];
  const differs = watch();
  const walk = [controls.cell.range, controls.cell.box, ...Object.values(buttons).map((b) => b.el)];
  return {
    ...{ play: buttons.play, watcher: stage.watcher },
    panel: panel(
      "Explorer of convolutions",
      CSS,
      h("div", { class: "de-ce-picks" }, controls.mode.el, controls.preset.el),
      h("div", { class: "de-ce-controls" }, ...Object.values(controls.sizes).map((c) => c.el)),
      h("div", { class: "de-ce-walk" }, row(...Object.values(buttons).map((b) => b.el)), controls.cell.el),
      ...[arena, sum.el, stage.legend, formula, remark],
      h("div", { class: "de-ce-picks" }, controls.input.el, controls.kernel.el),
      hint,
    ),
    draw(facts, built, words, source) {
      const { drawn, valid } = facts.state;
      if (differs("built", built)) stage.build(built);
      drawControls(controls, now, (built.o ?? 1) ** 2 - 1, words);
      for (const control of walk) control.disabled = !valid;
      const [rule, numbers] = formulaOf(now);
      formula.replaceChildren(rule, h("br"), h("b", {}, numbers));
      // Where nothing is drawn the room stays, so that what follows does not jump.
      arena.style.minHeight = drawn ? "" : `${arena.offsetHeight}px`;
      stage.el.hidden = stage.legend.hidden = hint.hidden = !drawn;
      warning.hidden = drawn;
      if (!drawn) warning.replaceChildren(words.problem);
      text(remark, words.remark);
      if (drawn) stage.mark(facts, source);
      sum.draw(words.sum, facts.products);
    },
  };
}
