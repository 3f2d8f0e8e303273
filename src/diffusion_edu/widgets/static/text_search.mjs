// <text-search>: words typed here rank pictures, by the cosine of CLIP's embeddings; the text encoder runs in this page.
// Below, the similarity matrix of a chosen batch with its contrastive loss.
//
// Controls (data-role): query (a combobox; query-list is its list), load, example (one button an example), among, bare,
// result (one button a picture shown), mixed, alike, best, show, remove, temperature, temperature-number, learned.
// state: {phase: idle | loading | ready | failed, reason, query, source: "" | stored | page, pieces, notes, among, bare,
//         ranking: [[index, cosine], ...] all, or the stored best; milliseconds (from the key to the drawn answer), encode_milliseconds,
//         batch, show, temperature, loss, picture_loss, text_loss, picture_right, text_right}
import { announcer, bytesFromBase64, checkbox, h, makeWidget, number, onceAFrame, publish, select, slider, text, viewOf } from "./common.mjs";
import { combobox } from "./text_combobox.mjs";
import { completions, contrast, directions, dot, meanDirection, phrases, ranked } from "./text_ranking.mjs";
import { MATRIX_CSS, MATRIX_VIEWS, matrixView, worstPair } from "./text_matrix.mjs";
import { RESULTS, RESULTS_CSS, readingNotes, resultsView } from "./text_results.mjs";
import { loadTower, towerAtHand } from "./text_tower.mjs";
import { splitWords } from "./word_pieces.mjs";

const TS_SHARED = ["query", "batch", "temperature"];
const [TS_LEAST, TS_MOST] = [2, 10];
const TS_AMONG = [["all", "all pictures"], ["new", "new to it"], ["seen", "seen in training"]];
const TS_CSS = `
.de-ts-part{display:grid;gap:10px;min-width:0}
.de-ts-part+.de-ts-part{border-top:1px solid var(--w-border);padding-top:14px}
.de-ts-part .de-status{min-height:2.8em}
div.de-ts-part .de-label select{min-width:0;flex:0 1 auto}
.de-widget .de-ts-head{margin:0;padding:0;font-size:.95rem;font-weight:600;color:var(--w-text)}
.de-ts-examples{display:flex;flex-wrap:wrap;gap:6px;align-items:center}
.de-widget .de-ts-examples button[aria-pressed=true]{border-color:var(--w-teal);box-shadow:inset 0 0 0 1px var(--w-teal)}
`;

// All that travelled with the page, made ready.
function tsData(data) {
  const width = bytesFromBase64(data.pictures).length / data.captions.length;
  if (!Number.isInteger(width) || !data.stored || !data.batches) throw new Error("the pictures' embeddings cannot be read");
  const sheet = new Image();
  sheet.src = data.sheet;
  return {
    ...data, sheet,
    pictures: directions(bytesFromBase64(data.pictures), width),
    texts: directions(bytesFromBase64(data.texts), width),
    unseen: [...data.unseen].map((c) => c === "1"),
    styleOf: data.captions.map((caption, i) => caption.slice(data.names[i].length + 2)),
  };
}

// The words' direction, what the first caption became, and the time it took.
function tsAsk(encode, words, bare, styles) {
  const began = performance.now();
  const asked = (bare ? [words.trim()] : phrases(words, styles)).map(encode);
  return { direction: meanDirection(asked.map((a) => a.embedding)), tokens: asked[0], count: asked.length, ms: performance.now() - began };
}

function tsControls(data, now, change) {
  const button = (role, words, onclick) => h("button", { type: "button", "data-role": role, onclick }, words);
  return {
    among: select({ role: "among", label: "Search", options: TS_AMONG, value: "all", onpick: (among) => change({ among }) }),
    bare: checkbox({ role: "bare", label: "ask with the bare words, not with captions", value: false, onpick: (bare) => change({ bare }) }),
    examples: data.stored.map(({ query }) => h("button", { type: "button", "data-role": "example", onclick: () => change({ query }) }, query)),
    mixed: button("mixed", "One of each kind", () => change({ batch: [...data.batches.mixed] })),
    alike: button("alike", "Look-alikes", () => change({ batch: [...data.batches.alike] })),
    show: select({ role: "show", label: "Show", options: MATRIX_VIEWS, value: now.show, onpick: (show) => change({ show }) }),
    temperature: slider({ role: "temperature", label: h("span", { class: "de-math" }, "τ"), name: "temperature", min: 0.01, max: 1, log: true, say: (v) => `temperature ${v}`, oninput: (temperature) => change({ temperature }) }),
    learned: button("learned", `learned: ${number(data.learned, 3)}`, () => change({ temperature: Number(data.learned.toPrecision(3)) })),
  };
}

function mountTextSearch(root, raw, changed) {
  const data = tsData(raw);
  const now = { query: data.query, batch: [...data.batch], temperature: data.temperature, among: "all", bare: false, show: "rows" };
  const run = { phase: "idle", reason: "", source: "", pieces: [], notes: [], ranking: [], milliseconds: null, encode_milliseconds: null };
  const words = data.words.split(" ");
  const known = new Set(words);
  let [encode, keyed, gone] = [null, 0, false];

  const c = tsControls(data, now, change);
  const box = combobox({
    role: "query", label: "Type words", placeholder: "what to look for", complete: (typed) => completions(typed, data.names, words.filter((w) => /\w\w/.test(w))),
    oninput(query, event) {
      keyed = event?.timeStamp || performance.now();
      change({ query });
      load();
    },
  });
  const size = `${(data.tower.bytes / 1e6).toFixed(1)} MB`;
  const button = h("button", { type: "button", class: "de-main", "data-role": "load", onclick: load });
  const results = resultsView({ names: data.names, styles: data.styleOf, unseen: data.unseen, tile, side: data.side, pick });
  const matrix = matrixView({ captions: data.captions, tile, side: data.side, remove: pick });
  const best = h("button", { type: "button", "data-role": "best", onclick: () => change({ batch: shownBest().slice(0, 8).map(([i]) => i) }) }, "The best of the search");
  const [status, lossLine] = ["status", "loss"].map((role) => h("p", { class: "de-status", "data-role": role }));
  const problem = h("p", { class: "de-warn de-orange", role: "alert", hidden: true });
  const live = announcer();
  const panel = h("div", { class: "de-panel", role: "group", "aria-label": "Search of pictures by words, and the similarities of a batch" },
    h("style", {}, TS_CSS + RESULTS_CSS + MATRIX_CSS),
    h("div", { class: "de-ts-part" },
      h("div", { class: "de-row" }, box.el, button),
      h("div", { class: "de-ts-examples", role: "group", "aria-label": "Examples" }, h("span", { class: "de-muted de-small" }, "or try"), ...c.examples),
      problem, results.tokens, status, results.notes,
      h("div", { class: "de-row" }, c.among.el, c.bare.el),
      results.grid,
      h("p", { class: "de-note" }, "The number is the cosine. New: training never saw this thing in this style of drawing. Press a picture to put it into the batch below, or to take it out.")),
    h("div", { class: "de-ts-part" },
      h("p", { class: "de-ts-head" }, "A batch: every picture with every text"),
      h("div", { class: "de-row" }, c.mixed, c.alike, best, c.show.el),
      matrix.el,
      h("div", { class: "de-row" }, h("div", { class: "de-grow" }, c.temperature.el), c.learned),
      lossLine),
    live.el);
  root.append(panel);

  function change(patch) {
    Object.assign(now, patch);
    changed(Object.fromEntries(Object.entries(patch).filter(([name]) => TS_SHARED.includes(name))));
    ask();
  }

  function tile(canvas, i) {
    if (!data.sheet.naturalWidth) return;
    const [x, y] = [i % data.columns, Math.floor(i / data.columns)];
    canvas.getContext("2d").drawImage(data.sheet, x * data.side, y * data.side, data.side, data.side, 0, 0, data.side, data.side);
  }

  // Into the batch or out of it; the longest-standing one makes room.
  function pick(i) {
    const { batch } = now;
    if (!batch.includes(i)) change({ batch: [...batch, i].slice(-TS_MOST) });
    else if (batch.length > TS_LEAST) change({ batch: batch.filter((k) => k !== i) });
  }

  async function load() {
    if (run.phase === "loading" || encode) return;
    if (!towerAtHand(root.model)) {
      fail("this page has no text encoder beside it: open the book's own page, or a notebook with a running kernel");
      return;
    }
    run.phase = "loading";
    problem.hidden = true;
    ask();
    try {
      const found = await loadTower(root.model, data.tower);
      if (gone) return;
      [encode, keyed] = [found, 0];
      Object.assign(run, { phase: "ready", reason: "" });
      ask();
    } catch (error) {
      if (!gone) fail(error.message);
    }
  }

  function fail(reason) {
    Object.assign(run, { phase: "failed", reason });
    text(problem, `New words cannot be read here: ${reason}. The examples have stored answers.`);
    problem.hidden = false;
    ask();
  }

  // Answers the query with the encoder, or from what was stored.
  function answer() {
    Object.assign(run, { source: "", pieces: [], notes: [], ranking: [], encode_milliseconds: null });
    const query = now.query.trim();
    const stored = data.stored.find((s) => s.query === query);
    if (query && encode) {
      const { direction, tokens, count, ms } = tsAsk(encode, query, now.bare, data.styles);
      const cosines = data.pictures.map((p) => dot(p, direction));
      const order = ranked(cosines, (i) => now.among === "all" || data.unseen[i] === (now.among === "new"));
      Object.assign(run, { source: "page", pieces: tokens.pieces, notes: readingNotes(tokens, known), ranking: order.map((i) => [i, cosines[i]]), encode_milliseconds: ms });
      results.drawTokens(run.pieces, count > 1 ? `… and the same with ${data.styles.slice(1).join(", ")}; the mean of the ${count} counts` : "");
    } else if (stored && !now.bare && now.among === "all") {
      const parts = splitWords(query).map((word) => ({ word, pieces: [] }));
      Object.assign(run, { source: "stored", pieces: stored.pieces, notes: readingNotes({ words: parts }, known), ranking: stored.best });
      results.drawTokens(run.pieces, "");
    } else results.drawTokens([], "");
    results.drawNotes(run.notes);
  }

  const shownBest = () => run.ranking.slice(0, RESULTS);

  function draw() {
    const drawn = encode && keyed;
    answer();
    results.draw(shownBest(), now.batch);
    if (drawn) [run.milliseconds, keyed] = [performance.now() - keyed, 0];
    box.set(now.query);
    c.examples.forEach((el) => el.setAttribute("aria-pressed", String(el.textContent === now.query.trim())));
    c.bare.input.checked = now.bare;
    button.hidden = run.phase === "ready";
    button.disabled = run.phase === "loading";
    text(button, run.phase === "loading" ? "Loading …" : `Load the text encoder (${size})`);
    const found = contrast(now.batch.map((i) => data.pictures[i]), now.batch.map((i) => data.texts[i]), now.temperature);
    matrix.draw(now.batch, found, now.show, TS_LEAST);
    c.temperature.set(Number(now.temperature.toPrecision(3)));
    best.disabled = shownBest().length < TS_LEAST;
    say(found);
  }

  function say(found) {
    const { query, batch, temperature } = now;
    const [first, second] = shownBest();
    const told = ([i, cosine]) => `${data.captions[i]} (${number(cosine, 2)})`;
    const pace = run.milliseconds === null ? "" : ` ${Math.max(1, Math.round(run.milliseconds))} ms from the key to here.`;
    const words = first
      ? `“${query.trim()}”: best ${told(first)}${second ? `, then ${told(second)}` : ""}. ${run.source === "stored" ? "A stored answer; typing loads the text encoder." : `Of ${run.ranking.length} pictures.${pace}`}`
      : { loading: `Loading the text encoder, ${size}, once.`, failed: "No stored answer to this: try one of the examples." }[run.phase] ?? (query.trim() ? `Typing loads the text encoder (${size}), once; then this page answers by itself.` : "Type what to look for, or try an example.");
    text(status, words);
    const n = batch.length;
    const [loss, ofPictures, ofTexts] = [found.loss, found.pictureLoss, found.textLoss].map((v) => v.toFixed(2));
    const sum = `Loss ${loss}: ${ofPictures} for pictures that look for their text, ${ofTexts} for texts that look for their picture; guessing costs ln ${n} = ${Math.log(n).toFixed(2)}. ${found.pictureRight} of ${n} pictures and ${found.textRight} of ${n} texts find their own.`;
    text(lossLine, `${sum} ${worstPair(found, batch, data.captions)}`);
    live.say(`${words} Batch of ${n} at temperature ${number(temperature, 3)}: loss ${loss}.`);
    publish(root, {
      ...run, ...now, loss: found.loss, picture_loss: found.pictureLoss, text_loss: found.textLoss, picture_right: found.pictureRight, text_right: found.textRight,
    });
  }

  const ask = onceAFrame(draw);
  data.sheet.onload = ask;
  ask();
  const redraw = (patch) => {
    if ("query" in patch && root.model && !data.stored.some((s) => s.query === now.query.trim())) load();
    ask();
  };
  const loading = { stop: () => (gone = true) };
  return viewOf(now, redraw, loading, ask, live, panel);
}

const textSearch = makeWidget("text-search", mountTextSearch, TS_SHARED);
export default textSearch;
