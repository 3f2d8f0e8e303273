// What a search shows: what the words became, and the pictures that fit best, as buttons that put them into the batch.
import { h, text } from "../kit/dom.mjs";
import { number } from "../kit/numbers.mjs";
import { UNKNOWN } from "../maths/word_pieces.mjs";

export const RESULTS = 12;

export const RESULTS_CSS = `
.de-tr-tokens{display:flex;flex-wrap:wrap;gap:4px;align-items:center;margin:0;min-height:26px;font-size:.78rem}
.de-tr-tokens b{font:inherit;padding:2px 6px;border-radius:5px;border:1px solid var(--w-border);
  background:var(--w-soft)}
.de-tr-tokens b.is-frame{border-style:dashed;background:none;color:var(--w-muted)}
.de-tr-tokens b.is-unknown{border-color:var(--w-orange);border-style:double;border-width:3px}
.de-tr-notes{margin:0;padding:0;list-style:none;font-size:.8125rem;min-height:1.4em}.de-tr-notes li{margin:0 0 2px;
  padding-left:8px;border-left:3px solid var(--w-orange)}
.de-tr-grid{display:grid;grid-template-columns:repeat(6,minmax(0,1fr));gap:8px;margin:0;padding:0;list-style:none}
.de-tr-grid li{margin:0;min-width:0;display:grid}
.de-widget .de-tr-grid button{display:grid;grid-template-columns:minmax(0,1fr);justify-items:center;
  align-content:start;gap:3px;padding:6px 4px;min-width:0;font-size:.75rem;line-height:1.2;text-align:center;
  border-color:var(--w-border);position:relative}
.de-tr-grid canvas{width:min(64px,100%)}
.de-tr-grid button[aria-pressed=true]{box-shadow:inset 0 0 0 2px var(--w-teal)}
.de-tr-grid i{display:block;width:100%;height:4px;border-radius:2px;
  background:linear-gradient(to right,var(--w-violet) var(--p),var(--w-soft) var(--p))}
.de-tr-grid em{font-style:normal;overflow:hidden;display:-webkit-box;-webkit-line-clamp:2;
  -webkit-box-orient:vertical;min-height:2.4em;max-width:100%;overflow-wrap:anywhere}
.de-tr-grid small{color:var(--w-muted);font-size:.7rem}
@container (max-width:620px){.de-tr-grid{grid-template-columns:repeat(3,minmax(0,1fr))}
  .de-tr-grid li:nth-child(n+10){display:none}}
`;

function resultItem(side, pick) {
  const canvas = h("canvas", { width: side, height: side, class: "de-pixels", "aria-hidden": "true" });
  // What is hidden is for screen readers: the name of the button is all of its text.
  const parts = { bar: h("i"), name: h("em"), style: h("span", { class: "de-hidden" }), more: h("small") };
  const onclick = () => pick(item.index);
  const press = h("button", { type: "button", "data-role": "result", onclick }, canvas, ...Object.values(parts));
  const item = { el: h("li", { hidden: true }, press), press, canvas, ...parts, index: -1 };
  return item;
}

function chipOf(piece) {
  const frame = /^\[.*\]$/.test(piece) ? "is-frame" : null;
  return h("b", { class: piece === UNKNOWN ? "is-unknown" : frame }, piece);
}

const muted = (words) => h("span", { class: "de-muted" }, words);

// What the words became, and what was not understood.
export function readingView() {
  const tokens = h("p", { class: "de-tr-tokens", "data-role": "tokens" });
  const notes = h("ul", { class: "de-tr-notes", "data-role": "notes" });
  function draw(pieces, words) {
    const more = words.more ? [muted(words.more)] : [];
    tokens.replaceChildren(...(pieces.length ? [muted("It reads"), ...pieces.map(chipOf), ...more] : []));
    notes.replaceChildren(...words.notes.map((line) => h("li", {}, line)));
  }
  return { tokens, notes, draw };
}

// tile(canvas, i) paints picture i; pick(i) puts it into the batch or takes it out.
export function resultsView({ names, styleOf, unseen, side }, tile, pick) {
  const items = Array.from({ length: RESULTS }, () => resultItem(side, pick));
  const label = "Images, the best first; press one to put it into the batch";
  const el = h("ol", { class: "de-tr-grid", "aria-label": label }, ...items.map((item) => item.el));
  function show(item, [i, cosine], inBatch) {
    item.index = i;
    tile(item.canvas, i);
    item.bar.style.setProperty("--p", `${(100 * Math.max(0, cosine)).toFixed(1)}%`);
    text(item.name, names[i]);
    text(item.more, `${number(cosine, 2)} · ${unseen[i] ? "new" : "seen"}`);
    item.press.setAttribute("aria-pressed", String(inBatch));
    text(item.style, ` in ${styleOf[i]}, cosine `);
    const action = inBatch ? "take it out of the batch" : "put it into the batch";
    item.press.title = `${names[i]}, ${styleOf[i]}: ${action}`;
  }
  // best: [[index, cosine], ...]
  function draw(best, batch) {
    items.forEach((item, k) => {
      item.el.hidden = k >= best.length;
      if (!item.el.hidden) show(item, best[k], batch.includes(best[k][0]));
    });
  }
  return { el, draw };
}
