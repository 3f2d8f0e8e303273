// The similarity matrix of a batch: every picture with every text, as cosines or as shares after the softmax.
import { h, text } from "../kit/dom.mjs";
import { watch } from "../kit/memo.mjs";
import { number } from "../kit/numbers.mjs";
import { MATRIX_VIEWS } from "./words.mjs";

export const MATRIX_CSS = `
.de-tm{display:grid;grid-template-columns:minmax(0,3fr) minmax(0,2fr);gap:12px 20px;align-items:start}
/* named twice over: a page's theme has tables of its own */
.de-widget .de-tm table.de-tm-table{width:100%;table-layout:fixed;border-collapse:separate;border-spacing:2px;
  margin:0;font-size:.72rem;line-height:1.2;border:0;display:table}
.de-widget .de-tm table.de-tm-table :is(td,th){padding:0;border:0;text-align:center;vertical-align:middle;
  font-weight:400;background:none;box-shadow:none;height:36px;color:var(--w-text)}
.de-widget .de-tm table.de-tm-table thead :is(td,th){height:20px;color:var(--w-muted)}
.de-widget .de-tm table.de-tm-table tbody td{border-radius:4px;
  background:color-mix(in srgb,var(--w-violet) var(--p),var(--w-surface))}
.de-widget .de-tm table.de-tm-table td.is-own{box-shadow:inset 0 0 0 2px var(--w-teal)}
.de-tm col:first-child{width:38px}.de-tm th canvas{width:34px;margin:0 auto}
.de-tm ol{margin:22px 0 0;padding:0;list-style:none;display:grid;gap:2px}
.de-tm li{margin:0;display:grid;grid-template-columns:1.4em minmax(0,1fr) auto;gap:6px;align-items:center;
  font-size:.8125rem;line-height:1.2;min-height:36px}
.de-tm li>span:first-child{color:var(--w-muted);text-align:right}
.de-widget .de-tm li button{min-height:28px;min-width:28px;padding:0 6px;border-color:transparent;color:var(--w-muted)}
@container (max-width:620px){.de-tm{grid-template-columns:minmax(0,1fr)}.de-tm ol{margin-top:0}.de-tm li{
  min-height:30px}}
`;

const percent = (v) => String(Math.round(100 * v));
const SHOWN = { cosines: (v) => number(v, 2), rows: percent, columns: percent };

function headOf(batch, captions) {
  const cell = (i, k) =>
    h("th", { scope: "col", title: captions[i] }, h("span", { class: "de-hidden" }, "text "), String(k + 1));
  return [h("td", {}), ...batch.map(cell)];
}

function tileOf(caption, side) {
  const size = { width: side, height: side };
  return h("canvas", { ...size, class: "de-pixels", role: "img", "aria-label": caption });
}

// The texts of the batch, each with a button that takes it out.
function textsOf(batch, { captions, traits }, remove) {
  return batch.map((i, k) => {
    const names = { "aria-label": `Take out: ${captions[i]}`, title: "Take out", onclick: () => remove(i) };
    const out = h("button", { type: "button", "data-role": "remove", ...names }, "✕");
    out.disabled = batch.length <= traits.batch.limits[0];
    return h("li", {}, h("span", {}, String(k + 1)), h("span", {}, captions[i]), out);
  });
}

// tile(canvas, i) paints picture i; remove(i) takes it out of the batch.
export function matrixView(data, tile, remove) {
  const { captions, side } = data;
  const caption = h("caption", { class: "de-hidden" });
  const [cols, head, body] = [h("colgroup"), h("tr"), h("tbody")];
  const table = h("table", { class: "de-tm-table", "data-role": "matrix" }, caption, cols, h("thead", {}, head), body);
  const list = h("ol", { "aria-label": "The texts of the batch" });
  const differs = watch();
  let [cells, tiles] = [[], []];

  function build(batch) {
    const title = (i, j) => `${captions[i]} with “${captions[j]}”`;
    const cell = (i, r) => (j, c) => h("td", { class: r === c ? "is-own" : null, title: title(i, j) });
    const line = (i, r) => h("tr", {}, h("th", { scope: "row", title: captions[i] }, tiles[r][0]), ...cells[r]);
    cols.replaceChildren(h("col"), ...batch.map(() => h("col")));
    head.replaceChildren(...headOf(batch, captions));
    tiles = batch.map((i) => [tileOf(captions[i], side), i]);
    cells = batch.map((i, r) => batch.map(cell(i, r)));
    body.replaceChildren(...batch.map(line));
    list.replaceChildren(...textsOf(batch, data, remove));
  }
  function draw(batch, found, view) {
    if (differs("batch", batch.join())) build(batch);
    tiles.forEach(([canvas, i]) => tile(canvas, i));
    const [, words] = MATRIX_VIEWS.find(([name]) => name === view);
    text(caption, `Images (rows) with texts (columns): ${words}`);
    cells.forEach((line, r) =>
      line.forEach((cell, c) => {
        const value = found[view][r][c];
        text(cell, SHOWN[view](value));
        // At most half: the number stays readable
        cell.style.setProperty("--p", `${(50 * Math.max(0, value)).toFixed(1)}%`);
      }),
    );
  }
  return { el: h("div", { class: "de-tm" }, table, list), draw };
}
