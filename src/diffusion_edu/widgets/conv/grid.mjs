// A square of numbered cells that eye, pointer, keyboard and screen readers can walk through, with a frame over it.
//
// squareGrid(options) -> {el, build(rows), mark(class, test), corners(corner), choose(key), frame(paths), label(words)}
// Each cell is {key, words, value, classes, live}: `live` cells take the focus, one at a time (a roving tabindex).
import { h } from "../kit/dom.mjs";

export const GRID_CSS = `
.de-cg{position:relative;width:max-content;margin:0 auto;touch-action:manipulation}
.de-cg-row{display:flex}
.de-cg-cell{width:var(--cell);height:var(--cell);padding:1px;flex:none;font-size:max(11px,calc(var(--cell)*.38));
  line-height:1}
.de-cg-cell>span{position:relative;display:flex;align-items:center;
  justify-content:center;width:100%;height:100%;border-radius:3px;
  border:1px solid color-mix(in srgb,var(--c) 55%,transparent);
  background:color-mix(in srgb,var(--c) calc(13% + var(--shade,0)*34%),var(--w-surface))}
.de-cg-cell.is-pad>span,.de-cg-cell.is-gap>span,.de-cg-cell.is-extra>span{border-style:dashed;
  border-color:var(--w-grey);background:none;color:var(--w-muted)}
.de-cg-cell.is-gap>span{border-style:dotted;background:var(--w-soft)}
.de-cg-cell.is-extra>span{border-color:var(--w-orange);border-width:2px}
.de-cg-cell.is-idle>span{text-decoration:line-through;
  background:repeating-linear-gradient(135deg,transparent 0 4px,var(--w-soft) 4px 6px)}
.de-cg-cell.is-read>span{background:color-mix(in srgb,var(--w-violet) 26%,var(--w-surface));
  border-color:var(--w-violet);color:var(--w-text)}
.de-cg-cell.is-source>span{box-shadow:inset 0 0 0 2px var(--w-orange)}
.de-cg-cell.is-now>span{font-weight:700}
.de-cg-cell.is-lit>span{box-shadow:inset 0 0 0 2px var(--w-text)}
.de-cg-cell>[data-weight]{align-items:flex-start;justify-content:flex-start;padding:1px 0 0 3px;font-size:11px}
.de-cg-cell>[data-weight]::after{content:attr(data-weight);position:absolute;right:2px;bottom:0;font-weight:600;
  color:var(--w-violet)}
.is-small .de-cg-cell>[data-weight]{align-items:center;justify-content:center;padding:0}
.is-small .de-cg-cell>[data-weight]::after{content:none}
.de-cg-cell[tabindex]{cursor:pointer}
.de-cg-cell:focus{outline:0}.de-cg-cell:focus-visible{outline:2px solid var(--w-teal);outline-offset:-1px;
  border-radius:4px}
.de-cg svg{position:absolute;inset:0;width:100%;height:100%;overflow:visible;pointer-events:none}
.de-cg path{fill:none;stroke:var(--c);stroke-width:2.5;vector-effect:non-scaling-stroke;transition:d .16s}
@media (prefers-reduced-motion:reduce){.de-cg path{transition:none}}
@media (forced-colors:active){.de-cg-cell.is-read>span{outline:2px solid Highlight}}
`;

const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

export const squarePath = (row, column, side) => `M${column} ${row}h${side}v${side}h${-side}z`;

function cellNode(cell, live, role) {
  const looks = { class: `de-cg-cell ${cell.classes}`, role, "aria-label": cell.words, "data-key": cell.key };
  const node = h("div", { ...looks, tabindex: live ? -1 : null }, h("span", {}, cell.value));
  if (cell.shade) node.style.setProperty("--shade", cell.shade);
  return node;
}

// The cells of a grid: their nodes, and which of them takes the focus.
function makeCells(active) {
  const nodes = new Map(); // key -> {el, live}
  let stops = []; // rows of the keys that take the focus
  let current = null;

  function rove(key) {
    if (nodes.get(current)?.live) nodes.get(current).el.setAttribute("tabindex", -1);
    current = nodes.get(key)?.live ? key : (stops[0]?.[0] ?? null);
    nodes.get(current)?.el.setAttribute("tabindex", 0);
  }
  return {
    ...{ nodes, rove },
    // The rows as nodes.
    build(rows) {
      nodes.clear();
      stops = rows.map((cells) => cells.filter((cell) => cell.live && active).map((cell) => cell.key));
      stops = stops.filter((walk) => walk.length);
      const made = rows.map((cells) => {
        const line = cells.map((cell) => {
          const live = Boolean(cell.live && active);
          const el = cellNode(cell, live, active ? "gridcell" : "cell");
          nodes.set(cell.key, { el, live });
          return el;
        });
        return h("div", { class: "de-cg-row", role: "row" }, ...line);
      });
      rove(current);
      return made;
    },
    // The live cell of an event, or null.
    keyOf(event) {
      const key = event.target.closest?.(".de-cg-cell")?.dataset.key;
      return nodes.get(key)?.live ? key : null;
    },
    // The live cell that a key of the keyboard leads to, or null.
    step(key, event) {
      const row = stops.findIndex((walk) => walk.includes(key));
      if (row < 0) return null;
      const column = stops[row].indexOf(key);
      const by = ARROWS[event.key];
      if (by) return stops[row + by[0]]?.[column + by[1]] ?? key;
      if (event.key === "Home") return event.ctrlKey ? stops[0][0] : stops[row][0];
      if (event.key === "End") return event.ctrlKey ? stops.at(-1).at(-1) : stops[row].at(-1);
      return null;
    },
  };
}

// Mouse, finger and keyboard choose cells.
function listen(body, cells, oncell, onleave) {
  // Moves, not "over": cells that change under a mouse at rest choose nothing. A finger chooses by the focus.
  let over = null;
  const point = (event, key) => {
    if (event.pointerType !== "mouse" || key === over) return;
    over = key;
    if (key) oncell(key);
    else onleave();
  };
  body.addEventListener("pointermove", (event) => point(event, cells.keyOf(event)));
  body.addEventListener("pointerleave", (event) => point(event, null));
  body.addEventListener("focusin", (event) => {
    const key = cells.keyOf(event);
    if (!key) return;
    cells.rove(key);
    oncell(key);
  });
  body.addEventListener("focusout", onleave);
  body.addEventListener("keydown", (event) => {
    const to = cells.step(cells.keyOf(event), event);
    if (to === null) return;
    event.preventDefault();
    cells.nodes.get(to).el.focus();
  });
}

// oncell(key): the mouse or the focus is on a live cell; onleave(): it has gone. Without oncell the grid is a table.
export function squareGrid({ role, colour, oncell = null, onleave = () => {} }) {
  const svg = h("svg:svg", { preserveAspectRatio: "none", "aria-hidden": "true" });
  const body = h("div", { role: oncell ? "grid" : "table", "data-role": role });
  const cells = makeCells(oncell !== null);
  if (oncell) listen(body, cells, oncell, onleave);
  return {
    el: h("div", { class: `de-cg de-${colour}` }, body, svg),
    build(rows) {
      body.replaceChildren(...cells.build(rows));
      svg.setAttribute("viewBox", `0 0 ${rows[0]?.length ?? 1} ${rows.length || 1}`);
    },
    label: (words) => body.setAttribute("aria-label", words),
    mark(name, test) {
      for (const [key, { el }] of cells.nodes) el.classList.toggle(name, Boolean(test(key)));
    },
    // Small numbers in the corners of cells: corner(key), or undefined for none.
    corners(corner) {
      for (const [key, { el }] of cells.nodes) {
        const [words, span] = [corner(key), el.firstChild];
        if (words === undefined) span.removeAttribute("data-weight");
        else span.setAttribute("data-weight", words);
      }
    },
    choose(key) {
      cells.rove(key);
      for (const [other, { el }] of cells.nodes) el.setAttribute("aria-selected", String(other === key));
    },
    // Paths in units of cells: [[colour, d], ...]
    frame(paths) {
      while (svg.children.length > paths.length) svg.lastChild.remove();
      paths.forEach(([tint, d], n) => {
        const path = svg.children[n] ?? svg.appendChild(h("svg:path"));
        path.setAttribute("class", `de-${tint}`);
        path.setAttribute("d", d);
      });
    },
  };
}
