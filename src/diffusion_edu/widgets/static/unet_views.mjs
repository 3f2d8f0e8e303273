// The parts of <unet-explorer> around its diagram: style, legend, tables, feature maps, attention.
import { clamp, h, pixelCanvas, slider } from "./common.mjs";

const UE_MAPS = 4; // most feature maps shown of a part

export const UE_CSS = `
.de-ue-main{display:grid;grid-template-columns:minmax(0,1fr);gap:14px 20px;align-items:start}
.de-ue-left,.de-ue-right{display:contents}.de-ue-u{order:1;display:grid;gap:8px}.de-ue-detail{order:2}.de-ue-look{order:3}.de-ue-folds{order:4}
.de-ud{position:relative;width:100%}.de-ud svg{position:absolute;inset:0;width:100%;height:100%;display:block;overflow:visible}
.de-ud-stripe{fill:var(--w-soft)}
.de-ud-way{fill:none;stroke:color-mix(in srgb,var(--w-grey) 60%,transparent);stroke-width:2}
.de-ud-bar{fill:color-mix(in srgb,var(--w-grey) 55%,var(--w-surface));stroke:var(--w-surface);stroke-width:1}
.de-ud-bar.de-on{fill:var(--w-teal)}.de-ud-bar.de-near{fill:var(--w-orange)}.de-ud-bar.de-told{fill:var(--w-violet)}
.de-ud-skip{fill:none;stroke:var(--w-orange);stroke-width:1.5;opacity:.75}.de-ud-skip.de-on{stroke-width:3.5;opacity:1}
.de-ud-residual{fill:none;stroke:var(--w-blue);stroke-width:1.5;stroke-dasharray:3 2}.de-ud-knot{fill:var(--w-blue)}
.de-ud-attention{fill:var(--w-violet);stroke:var(--w-surface);stroke-width:1}
.de-ud-part{position:absolute;display:flex;flex-direction:column;justify-content:center;cursor:pointer;border-radius:6px;font-size:11px;line-height:1.15;white-space:nowrap}
.de-ud-part b{font-weight:600}.de-ud-part span{color:var(--w-muted)}
.de-ud-left{align-items:flex-start;padding-left:4px}.de-ud-right{align-items:flex-end;padding-right:4px}
.de-ud-below{align-items:center;justify-content:flex-end;padding-bottom:2px}
.de-ud-part:hover{background:var(--w-soft)}
.de-ud-part[aria-selected=true] b{color:var(--w-teal)}
.de-ud-part:focus-visible{outline:2px solid var(--w-teal);outline-offset:-1px}
.de-ue-legend{display:flex;flex-wrap:wrap;gap:2px 14px;margin:0;padding:0;list-style:none;font-size:.75rem;color:var(--w-muted)}
.de-ue-legend li{display:flex;align-items:center;gap:5px;margin:0}.de-ue-legend svg{width:26px;height:12px;overflow:visible;flex:none}
.de-ue-detail,.de-ue-folds{display:grid;gap:8px;align-content:start;min-width:0}.de-ue-detail{min-height:25rem}
.de-ue-title{margin:0;font-size:1rem;font-weight:600}.de-ue-title span{font-weight:400;color:var(--w-muted);font-size:.8125rem}
.de-ue-say{margin:0;min-height:4.2em}
.de-widget dl.de-ue-facts{display:grid;grid-template-columns:auto minmax(0,1fr);gap:3px 10px;margin:0;font-size:.8125rem}
.de-widget .de-ue-facts dt{margin:0;padding:0;font-weight:400;color:var(--w-muted)}.de-widget .de-ue-facts dd{margin:0;padding:0}
.de-widget :is(.de-ue-maps,.de-ue-pair) figure{margin:0;padding:0;border:0}
.de-ue-maps{display:grid;grid-template-columns:repeat(${UE_MAPS},minmax(0,1fr));gap:8px;max-width:420px}
.de-ue-maps figcaption{font-size:.7rem}
.de-ue-room{order:3;min-width:0}.de-ue-look{display:grid;gap:8px}
.de-ue-pair{display:grid;grid-template-columns:7rem 7rem minmax(0,1fr);gap:10px}.de-ue-look canvas{cursor:crosshair}
.de-ue-spot{position:relative}.de-ue-spot i{position:absolute;border:2px solid var(--w-orange);border-radius:2px;pointer-events:none}
.de-ue-scroll{overflow-x:auto;border-radius:6px}.de-ue-scroll:focus-visible{outline:2px solid var(--w-teal);outline-offset:2px}
.de-ue-scroll table{border-collapse:collapse;width:100%;margin:0;font-size:.75rem;display:table}
.de-ue-scroll caption{text-align:left;color:var(--w-muted);padding:0 0 4px;caption-side:top;font-size:.75rem}
.de-widget .de-ue-scroll :is(td,th){padding:2px 9px 2px 0;line-height:1.35;text-align:left;border:0;border-bottom:1px solid var(--w-border);white-space:nowrap;background:none;color:inherit}
.de-ue-scroll th{font-weight:600}.de-widget .de-ue-scroll .de-n{text-align:right}
.de-ue-walk{display:grid;grid-template-columns:auto 1fr;gap:6px 12px;align-items:center}
@container (min-width:620px){.de-ue-main{grid-template-columns:minmax(0,1.25fr) minmax(0,1fr)}
.de-ue-room.de-on{min-height:192px}.de-ue-left,.de-ue-right{display:grid;gap:14px;align-content:start;min-width:0}}
@container (max-width:520px){.de-ue-walk{grid-template-columns:1fr}.de-ue-detail{min-height:20rem}.de-ue-pair{grid-template-columns:1fr 1fr}.de-ue-pair .de-note{grid-column:1/-1}.de-status{min-height:4.2em}}
`;

export function legend() {
  const line = (words, ...marks) => h("li", {}, h("svg:svg", { viewBox: "0 0 26 12", "aria-hidden": "true" }, ...marks), words);
  const residualLine = () => h("svg:path", { class: "de-ud-residual", d: "M2 11C4 -2 22 -2 24 11" });
  return h("ul", { class: "de-ue-legend" },
    line("skip connection: concatenation", h("svg:path", { class: "de-ud-skip de-on", d: "M0 6H26" })),
    line("residual connection: addition", residualLine()),
    line("the same, through a 1×1 convolution", residualLine(), h("svg:rect", { class: "de-ud-knot", x: 10, y: -1, width: 6, height: 6 })),
    line("attention", h("svg:circle", { class: "de-ud-attention", cx: 13, cy: 6, r: 4.5 })));
}

const cells = (tag, values, numeric) => values.map((v, i) => h(tag, { class: numeric.includes(i) ? "de-n" : null, scope: tag === "th" ? "col" : null }, v));

export function tableOf(caption, head, rows, numeric) {
  return h("table", {}, h("caption", {}, caption), h("thead", {}, h("tr", {}, ...cells("th", head, numeric))), h("tbody", {}, ...rows.map((row) => h("tr", {}, ...cells("td", row, numeric)))));
}

// A button that opens and closes a table; the table scrolls in a box of its own where it is too wide.
export function foldable(role, words, name) {
  const box = h("div", { class: "de-ue-scroll", tabindex: 0, role: "region", "aria-label": name, hidden: true });
  const el = h("button", { type: "button", "data-role": role, "aria-expanded": "false" }, words);
  return { el, box };
}

// What is known of one part: title, sentence, facts, feature maps, attention.
export function detailView() {
  const title = h("p", { class: "de-ue-title" });
  const say = h("p", { class: "de-ue-say" });
  const facts = h("dl", { class: "de-ue-facts" });
  const canvases = Array.from({ length: UE_MAPS }, () => pixelCanvas(1));
  const frames = canvases.map((canvas) => h("figure", { class: "de-frame" }, canvas, h("figcaption", {})));
  const maps = h("div", { class: "de-ue-maps" }, ...frames);
  const note = h("p", { class: "de-note" });
  return { title, say, facts, canvases, frames, maps, note };
}

export function lookView(onquery) {
  const canvases = { picture: pixelCanvas(1), look: pixelCanvas(1) };
  const spots = {};
  const cell = (name, words) => {
    spots[name] = h("i");
    return h("figure", { class: "de-frame" }, h("div", { class: "de-ue-spot" }, canvases[name], spots[name]), h("figcaption", {}, words));
  };
  const note = h("p", { class: "de-note" });
  const query = slider({ role: "query", label: "position", name: "position that looks, counted row by row", min: 0, max: 1, colour: "orange", oninput: onquery });
  const el = h("div", { class: "de-ue-look" }, h("div", { class: "de-ue-pair" }, cell("picture", "the position"), cell("look", "looks at"), note), query.el);
  let side = 1;
  for (const canvas of Object.values(canvases)) {
    canvas.addEventListener("pointerdown", (event) => {
      const box = canvas.getBoundingClientRect();
      const [column, row] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height].map((v) => clamp(Math.floor(v * side), 0, side - 1));
      onquery(row * side + column);
    });
  }
  function show(n, at) {
    side = n;
    query.limit(0, n * n - 1);
    query.set(at);
    for (const spot of Object.values(spots)) spot.style.cssText = `left:${(100 * (at % n)) / n}%;top:${(100 * Math.floor(at / n)) / n}%;width:${100 / n}%;height:${100 / n}%`;
  }
  return { el, canvases, note, query, show };
}

