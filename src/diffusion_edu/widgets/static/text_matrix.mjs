// The similarity matrix of a batch: every picture with every text, as cosines or as shares after the softmax.
import { h, number, text } from "./common.mjs";

export const MATRIX_VIEWS = [["cosines", "cosines"], ["rows", "% of each row: pictures pick texts"], ["columns", "% of each column: texts pick pictures"]];

export const MATRIX_CSS = `
.de-tm{display:grid;grid-template-columns:minmax(0,3fr) minmax(0,2fr);gap:12px 20px;align-items:start}
/* named twice over: a page's theme has tables of its own */
.de-widget .de-tm table.de-tm-table{width:100%;table-layout:fixed;border-collapse:separate;border-spacing:2px;margin:0;font-size:.72rem;line-height:1.2;border:0;display:table}
.de-widget .de-tm table.de-tm-table :is(td,th){padding:0;border:0;text-align:center;vertical-align:middle;font-weight:400;background:none;box-shadow:none;height:36px;color:var(--w-text)}
.de-widget .de-tm table.de-tm-table thead :is(td,th){height:20px;color:var(--w-muted)}
.de-widget .de-tm table.de-tm-table tbody td{border-radius:4px;background:color-mix(in srgb,var(--w-violet) var(--p),var(--w-surface))}
.de-widget .de-tm table.de-tm-table td.is-own{box-shadow:inset 0 0 0 2px var(--w-teal)}
.de-tm col:first-child{width:38px}.de-tm th canvas{width:34px;margin:0 auto}
.de-tm ol{margin:22px 0 0;padding:0;list-style:none;display:grid;gap:2px}
.de-tm li{margin:0;display:grid;grid-template-columns:1.4em minmax(0,1fr) auto;gap:6px;align-items:center;font-size:.8125rem;line-height:1.2;min-height:36px}
.de-tm li>span:first-child{color:var(--w-muted);text-align:right}
.de-widget .de-tm li button{min-height:28px;min-width:28px;padding:0 6px;border-color:transparent;color:var(--w-muted)}
@container (max-width:620px){.de-tm{grid-template-columns:minmax(0,1fr)}.de-tm ol{margin-top:0}.de-tm li{min-height:30px}}
`;

const tmShown = { cosines: (v) => number(v, 2), rows: (v) => String(Math.round(100 * v)), columns: (v) => String(Math.round(100 * v)) };

// tile(canvas, i) paints picture i; remove(i) takes it out of the batch.
export function matrixView({ captions, tile, side, remove }) {
  const caption = h("caption", { class: "de-hidden" });
  const [cols, head, body] = [h("colgroup"), h("tr"), h("tbody")];
  const table = h("table", { class: "de-tm-table", "data-role": "matrix" }, caption, cols, h("thead", {}, head), body);
  const list = h("ol", { "aria-label": "The texts of the batch" });
  const el = h("div", { class: "de-tm" }, table, list);
  let shown = "";
  let [cells, tiles] = [[], []];

  function build(batch, least) {
    cols.replaceChildren(h("col"), ...batch.map(() => h("col")));
    head.replaceChildren(h("td", {}), ...batch.map((i, k) => h("th", { scope: "col", title: captions[i] }, h("span", { class: "de-hidden" }, "text "), String(k + 1))));
    tiles = batch.map((i) => [h("canvas", { width: side, height: side, class: "de-pixels", role: "img", "aria-label": captions[i] }), i]);
    cells = batch.map((i, r) => batch.map((j, c) => h("td", { class: r === c ? "is-own" : null, title: `${captions[i]} with “${captions[j]}”` })));
    body.replaceChildren(...batch.map((i, r) => h("tr", {}, h("th", { scope: "row", title: captions[i] }, tiles[r][0]), ...cells[r])));
    list.replaceChildren(...batch.map((i, k) => {
      const out = h("button", { type: "button", "data-role": "remove", "aria-label": `Take out: ${captions[i]}`, title: "Take out", onclick: () => remove(i) }, "✕");
      out.disabled = batch.length <= least;
      return h("li", {}, h("span", {}, String(k + 1)), h("span", {}, captions[i]), out);
    }));
  }

  function draw(batch, found, view, least) {
    if (shown !== batch.join()) {
      shown = batch.join();
      build(batch, least);
    }
    tiles.forEach(([canvas, i]) => tile(canvas, i));
    text(caption, `Pictures (rows) with texts (columns): ${MATRIX_VIEWS.find(([name]) => name === view)[1]}`);
    cells.forEach((row, r) => row.forEach((cell, c) => {
      const value = found[view][r][c];
      text(cell, tmShown[view](value));
      cell.style.setProperty("--p", `${(50 * Math.max(0, value)).toFixed(1)}%`); // at most half: the number stays readable
    }));
  }
  return { el, draw };
}

// Where the batch is wrong, in words: the picture that its own text fits worst.
export function worstPair({ rows }, batch, captions) {
  const chances = rows.map((row, i) => row[i]);
  const i = chances.indexOf(Math.min(...chances));
  const best = Math.max(...rows[i]);
  const j = rows[i].indexOf(best);
  const percent = (v) => `${Math.round(100 * v)} %`;
  if (i === j) return `The least sure picture is ${i + 1}: ${percent(best)} for its own text.`;
  return `Picture ${i + 1} picks text ${j + 1}, “${captions[batch[j]]}” (${percent(best)}; its own gets ${percent(chances[i])}).`;
}
