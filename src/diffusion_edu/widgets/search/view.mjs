// What is seen of <text-search>: the field with its answers, the batch with its matrix.
import { COMBOBOX_CSS, combobox } from "../kit/combobox.mjs";
import { checkbox, select, slider } from "../kit/controls.mjs";
import { button, complaint, h, note, panel, row, text } from "../kit/dom.mjs";
import { number } from "../kit/numbers.mjs";
import { sheetOf } from "../kit/sheet.mjs";
import { completions } from "../maths/ranking.mjs";
import { batchAfter } from "./facts.mjs";
import { MATRIX_CSS, matrixView } from "./matrix.mjs";
import { RESULTS, RESULTS_CSS, readingView, resultsView } from "./results.mjs";
import { AMONG, MATRIX_VIEWS, NOTE, loadWords } from "./words.mjs";

const CSS = `
.de-ts-part{display:grid;gap:10px;min-width:0}
.de-ts-part+.de-ts-part{border-top:1px solid var(--w-border);padding-top:14px}
.de-ts-part .de-status{min-height:2.8em}
@container (max-width:620px){.de-ts-part .de-status{min-height:5.6em}}
div.de-ts-part .de-label select{min-width:0;flex:0 1 auto}
.de-widget .de-ts-head{margin:0;padding:0;font-size:.95rem;font-weight:600;color:var(--w-text)}
.de-ts-examples{display:flex;flex-wrap:wrap;gap:6px;align-items:center}
.de-widget .de-ts-examples button[aria-pressed=true]{border-color:var(--w-teal);
  box-shadow:inset 0 0 0 1px var(--w-teal)}
`;

function searchControls(data, now, { change, typed, load }) {
  const words = data.frequent.filter((w) => /\w\w/.test(w));
  const complete = (begun) => completions(begun, data.names, words);
  const field = { role: "query", label: "Type words", placeholder: "what to look for" };
  const onpick = (among) => change({ among });
  const examples = data.stored.map(({ query }) => button("example", query, () => change({ query })));
  return {
    examples,
    box: combobox({ ...field, complete, oninput: typed }),
    load: h("button", { type: "button", class: "de-main", "data-role": "load", onclick: load }),
    among: select({ role: "among", label: "Search", options: AMONG, value: "all", onpick }),
    bare: checkbox({
      ...{ role: "bare", label: "ask with the bare words, not with captions", value: false },
      onpick: (bare) => change({ bare }),
    }),
    draw({ phase }, size) {
      this.box.set(now.query);
      examples.forEach((el) => el.setAttribute("aria-pressed", String(el.textContent === now.query.trim())));
      this.bare.input.checked = now.bare;
      this.load.hidden = phase === "ready";
      this.load.disabled = phase === "loading";
      text(this.load, loadWords(phase, size));
    },
  };
}

function batchControls(data, now, { change, best }) {
  const tau = { role: "temperature", label: h("span", { class: "de-math" }, "τ"), name: "temperature" };
  const [min, max] = data.traits.temperature.limits;
  const learned = Number(data.learned.toPrecision(3));
  const take = (batch) => () => change({ batch: [...batch] });
  const onpick = (show) => change({ show });
  return {
    mixed: button("mixed", "One of each kind", take(data.batches.mixed)),
    alike: button("alike", "Alike to the network", take(data.batches.alike)),
    best: button("best", "The best of the search", () => change({ batch: best().slice(0, 8) })),
    show: select({ role: "show", label: "Show", options: MATRIX_VIEWS, value: now.show, onpick }),
    temperature: slider({
      ...{ ...tau, min, max, log: true, say: (v) => `temperature ${v}` },
      oninput: (temperature) => change({ temperature }),
    }),
    learned: button("learned", `learned: ${number(data.learned, 3)}`, () => change({ temperature: learned })),
  };
}

function searchPart(c, { problem, reading, status, results }) {
  const label = h("span", { class: "de-muted de-small" }, "or try");
  const names = { class: "de-ts-examples", role: "group", "aria-label": "Examples" };
  return h(
    "div",
    { class: "de-ts-part" },
    row(c.box.el, c.load),
    h("div", names, label, ...c.examples),
    ...[problem.el, reading.tokens, status, reading.notes, row(c.among.el, c.bare.el), results.el, note(NOTE)],
  );
}

function batchPart(b, matrix, lossLine) {
  return h(
    "div",
    { class: "de-ts-part" },
    h("p", { class: "de-ts-head" }, "A batch: every image with every text"),
    row(b.mixed, b.alike, b.best, b.show.el),
    matrix.el,
    row(h("div", { class: "de-grow" }, b.temperature.el), b.learned),
    lossLine,
  );
}

// on: {change(patch), typed(query, event), load(), best() -> indices, redraw()}
export function searchView(data, now, on) {
  const tile = sheetOf(data, on.redraw);
  const [c, b] = [searchControls(data, now, on), batchControls(data, now, on)];
  const pick = (i) => {
    const batch = batchAfter(now.batch, i, data.traits.batch.limits);
    if (batch !== now.batch) on.change({ batch });
  };
  const parts = { problem: complaint(), reading: readingView(), results: resultsView(data, tile, pick) };
  const [status, lossLine] = ["status", "loss"].map((role) => h("p", { class: "de-status", "data-role": role }));
  const matrix = matrixView(data, tile, pick);
  const label = "Search of images by words, and the similarities of a batch";
  const both = [searchPart(c, { ...parts, status }), batchPart(b, matrix, lossLine)];
  return {
    problem: parts.problem,
    panel: panel(label, CSS + COMBOBOX_CSS + RESULTS_CSS + MATRIX_CSS, ...both),
    // What was found is drawn first: the clock of an answer stops there.
    drawResults(answer, words) {
      parts.reading.draw(answer.pieces, words);
      parts.results.draw(answer.ranking.slice(0, RESULTS), now.batch);
    },
    draw(run, found, words) {
      c.draw(run, words.size);
      matrix.draw(now.batch, found, now.show);
      b.temperature.set(Number(now.temperature.toPrecision(3)));
      b.best.disabled = run.ranking.length < data.traits.batch.limits[0];
      text(status, words.status);
      text(lossLine, words.loss);
    },
  };
}
