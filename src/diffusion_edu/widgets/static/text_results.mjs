// What a search shows: what the words became, and the pictures that fit best, as buttons that put them into the batch.
import { h, number, text } from "./common.mjs";
import { UNKNOWN } from "./word_pieces.mjs";

export const RESULTS = 12;

export const RESULTS_CSS = `
.de-tb{display:grid;gap:4px;flex:1 1 15rem}.de-tb-box{position:relative}
.de-widget .de-tb input{font:inherit;font-size:16px;width:100%;min-height:38px;padding:4px 10px;border-radius:8px;color:var(--w-text);margin:0;
  background:var(--w-surface);border:1px solid color-mix(in srgb,var(--w-grey) 75%,transparent)}
.de-tb input::placeholder{color:var(--w-muted);opacity:1}
.de-tb-list{position:absolute;z-index:20;left:0;right:0;top:calc(100% + 2px);margin:0;padding:4px;list-style:none;max-height:264px;overflow:auto;
  background:var(--w-surface);border:1px solid var(--w-border);border-radius:8px;box-shadow:0 6px 20px rgb(0 0 0/.18)}
.de-tb-list li{margin:0;padding:6px 8px;min-height:30px;border-radius:6px;cursor:pointer}
.de-tb-list li:is(:hover,[aria-selected=true]){background:var(--w-soft);box-shadow:inset 3px 0 var(--w-teal)}
.de-tr-tokens{display:flex;flex-wrap:wrap;gap:4px;align-items:center;margin:0;min-height:26px;font-size:.78rem}
.de-tr-tokens b{font:inherit;padding:2px 6px;border-radius:5px;border:1px solid var(--w-border);background:var(--w-soft)}
.de-tr-tokens b.is-frame{border-style:dashed;background:none;color:var(--w-muted)}
.de-tr-tokens b.is-unknown{border-color:var(--w-orange);border-style:double;border-width:3px}
.de-tr-notes{margin:0;padding:0;list-style:none;font-size:.8125rem;min-height:1.4em}.de-tr-notes li{margin:0 0 2px;padding-left:8px;border-left:3px solid var(--w-orange)}
.de-tr-grid{display:grid;grid-template-columns:repeat(6,minmax(0,1fr));gap:8px;margin:0;padding:0;list-style:none}
.de-tr-grid li{margin:0;min-width:0;display:grid}
.de-widget .de-tr-grid button{display:grid;grid-template-columns:minmax(0,1fr);justify-items:center;align-content:start;gap:3px;padding:6px 4px;min-width:0;font-size:.75rem;line-height:1.2;text-align:center;border-color:var(--w-border);position:relative}
.de-tr-grid canvas{width:min(64px,100%)}
.de-tr-grid button[aria-pressed=true]{box-shadow:inset 0 0 0 2px var(--w-teal)}
.de-tr-grid i{display:block;width:100%;height:4px;border-radius:2px;background:linear-gradient(to right,var(--w-violet) var(--p),var(--w-soft) var(--p))}
.de-tr-grid em{font-style:normal;overflow:hidden;display:-webkit-box;-webkit-line-clamp:2;-webkit-box-orient:vertical;min-height:2.4em;max-width:100%;overflow-wrap:anywhere}
.de-tr-grid small{color:var(--w-muted);font-size:.7rem}
@container (max-width:620px){.de-tr-grid{grid-template-columns:repeat(3,minmax(0,1fr))}.de-tr-grid li:nth-child(n+10){display:none}}
`;

// What the network could not read, in words. tokens: of the tokenizer; known: words of the training captions, or null.
export function readingNotes(tokens, known) {
  const notes = [];
  for (const { word, pieces } of tokens.words) {
    if (pieces[0] === UNKNOWN) notes.push(`“${word}” holds a sign that the vocabulary lacks: all of it becomes [UNK], something unknown.`);
    else if (known && !known.has(word)) {
      const read = pieces.length > 1 ? `It reads the pieces ${pieces.join(" ")}, which tell it little.` : "What it makes of it is a guess.";
      notes.push(`“${word}” stands in no caption that it was trained on. ${read}`);
    }
  }
  return [...new Set(notes)].slice(0, 3);
}

// tile(canvas, i) paints picture i; pick(i) puts it into the batch or takes it out.
export function resultsView({ names, styles, unseen, tile, side, pick }) {
  const tokens = h("p", { class: "de-tr-tokens", "data-role": "tokens" });
  const notes = h("ul", { class: "de-tr-notes", "data-role": "notes" });
  const items = Array.from({ length: RESULTS }, () => {
    const canvas = h("canvas", { width: side, height: side, class: "de-pixels", "aria-hidden": "true" });
    // What is hidden is for screen readers: the name of the button is all of its text.
    const parts = { bar: h("i"), name: h("em"), style: h("span", { class: "de-hidden" }), more: h("small") };
    const button = h("button", { type: "button", "data-role": "result", onclick: () => pick(item.index) }, canvas, parts.bar, parts.name, parts.style, parts.more);
    const item = { el: h("li", { hidden: true }, button), button, canvas, ...parts, index: -1 };
    return item;
  });
  const grid = h("ol", { class: "de-tr-grid", "aria-label": "Pictures, the best first; press one to put it into the batch" }, ...items.map((item) => item.el));

  function drawTokens(pieces, more) {
    const chips = pieces.map((piece) => h("b", { class: piece === UNKNOWN ? "is-unknown" : /^\[.*\]$/.test(piece) ? "is-frame" : null }, piece));
    tokens.replaceChildren(...(chips.length ? [h("span", { class: "de-muted" }, "It reads"), ...chips, more ? h("span", { class: "de-muted" }, more) : null].filter(Boolean) : []));
  }

  function drawNotes(lines) {
    notes.replaceChildren(...lines.map((line) => h("li", {}, line)));
  }

  // best: [[index, cosine], ...]
  function draw(best, batch) {
    items.forEach((item, k) => {
      item.el.hidden = k >= best.length;
      if (item.el.hidden) return;
      const [i, cosine] = best[k];
      const inBatch = batch.includes(i);
      item.index = i;
      tile(item.canvas, i);
      item.bar.style.setProperty("--p", `${(100 * Math.max(0, cosine)).toFixed(1)}%`);
      text(item.name, names[i]);
      text(item.more, `${number(cosine, 2)} · ${unseen[i] ? "new" : "seen"}`);
      item.button.setAttribute("aria-pressed", String(inBatch));
      text(item.style, ` in ${styles[i]}, cosine `);
      item.button.title = `${names[i]}, ${styles[i]}: ${inBatch ? "take it out of the batch" : "put it into the batch"}`;
    });
  }
  return { tokens, notes, grid, draw, drawTokens, drawNotes };
}
