// What is seen of <prior-cloud>: the plane, the true image beside the decoded one, and all points as thumbnails.
import { select } from "../kit/controls.mjs";
import { complaint, freshId, h, note, panel, row, text } from "../kit/dom.mjs";
import { frame, pixelCanvas } from "../kit/paint.mjs";
import { trueTile } from "./facts.mjs";
import { PLANE_CSS, planeView, signOf } from "./plane.mjs";
import { CAPTION, GUIDANCE, HINT, LEGEND, noteOf, pointName, pointWords, sortName } from "./words.mjs";

const CSS = `${PLANE_CSS}
.de-pc{display:grid;grid-template-columns:minmax(0,1.25fr) minmax(0,1fr);gap:14px 20px;align-items:start}
.de-pc-side{display:grid;gap:12px;min-width:0}
.de-pc-pair{display:grid;grid-template-columns:1fr 1fr;gap:12px}
.de-pc-pair .de-frame figcaption{min-height:5.2em}
.de-pc-sorts{display:grid;gap:8px;border:0;padding:0;margin:0;min-width:0}
.de-pc-sort{display:grid;grid-template-columns:14px 8.6rem 1fr;gap:4px 8px;align-items:center;
  font-size:.8125rem}
.de-widget .de-pc-sorts legend{float:none;padding:0;margin:0 0 8px}
div.de-row .de-label{min-width:0;max-width:100%}
div.de-row label.de-label{flex:none}div.de-row .de-label select{min-width:0;flex:0 1 auto}
@container (max-width:620px){.de-pc{grid-template-columns:minmax(0,1fr)}.de-status{min-height:5.6em}}
`;

// The points as thumbnails in rows, one for each sort: a group of radio buttons, whose arrow keys come for free.
function thumbsView(data, choose) {
  const name = freshId();
  const inputs = data.points.map((point, k) => {
    const canvas = h("canvas", { width: data.side, height: data.side, class: "de-pixels", "aria-hidden": "true" });
    const props = { type: "radio", name, value: k, "data-role": "point", onchange: () => choose(k) };
    const input = h("input", { ...props, "aria-label": pointName(data, point) });
    return { input, canvas, el: h("label", { class: "de-pick" }, input, canvas), sort: point.sort };
  });
  const sorts = [...new Set(data.points.map(({ sort }) => sort))];
  const rows = sorts.map((sort) => {
    const own = inputs.filter((one) => one.sort === sort).map((one) => one.el);
    const words = h("span", {}, sortName(data, sort));
    return h("div", { class: "de-pc-sort" }, signOf(sort), words, h("div", { class: "de-picks" }, ...own));
  });
  const legend = h("legend", { class: "de-label" }, LEGEND);
  return {
    el: h("fieldset", { class: "de-pc-sorts" }, legend, ...rows),
    draw({ points, point }, tile) {
      inputs.forEach(({ input, canvas, el }, k) => {
        tile(canvas, points[k].tile);
        input.checked = k === point;
        el.title = pointWords(data, points[k]);
        input.setAttribute("aria-label", el.title);
      });
    },
  };
}

function controlsOf(data, now, change) {
  const captions = data.captions.map((caption, i) => [String(i), caption]);
  const onpick = (v) => change({ caption: Number(v) });
  const guidance = { role: "guidance", label: GUIDANCE, options: data.traits.guidance.choices, value: now.guidance };
  return {
    caption: select({ role: "caption", label: CAPTION, options: captions, value: String(now.caption), onpick }),
    guidance: select({ ...guidance, onpick: (w) => change({ guidance: w }) }),
  };
}

export function cloudView(data, now, change) {
  const controls = controlsOf(data, now, change);
  const choose = (point) => change({ point });
  const plane = planeView(data, choose);
  const thumbs = thumbsView(data, choose);
  const canvases = [0, 1].map(() => pixelCanvas(data.side));
  const frames = ["blue", "teal"].map((colour, k) => frame(canvases[k], colour, "image"));
  const problem = complaint();
  const status = h("p", { class: "de-status", "data-role": "status" });
  const pair = h("div", { class: "de-pc-pair" }, ...frames.map((f) => f.el));
  const side = h("div", { class: "de-pc-side" }, pair, thumbs.el);
  return {
    problem,
    panel: panel(
      "What two priors make of a caption",
      CSS,
      ...[row(controls.caption.el, controls.guidance.el), problem.el],
      h("div", { class: "de-pc" }, h("div", {}, plane.el, note(HINT)), side),
      ...[status, note(noteOf(data))],
    ),
    draw(facts, words, tile) {
      controls.caption.input.value = String(facts.caption);
      controls.guidance.input.value = facts.guidance;
      plane.draw(facts, words);
      thumbs.draw(facts, tile);
      tile(canvases[0], trueTile(data, facts.caption));
      tile(canvases[1], facts.chosen.tile);
      [words.trueLabel, words.drawnLabel].forEach((label, k) => canvases[k].setAttribute("aria-label", label));
      text(frames[0].el.querySelector("figcaption"), words.trueImage);
      text(frames[1].el.querySelector("figcaption"), words.drawn);
      status.replaceChildren(h("b", {}, words.means), h("span", { class: "de-muted" }, words.others));
    },
  };
}
