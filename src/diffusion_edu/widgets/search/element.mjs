// <text-search>: words typed here rank pictures, by the cosine of CLIP's embeddings; the text encoder runs in this
// page. Below, the similarity matrix of a chosen batch with its contrastive loss.
//
// Controls (data-role): query (a combobox; query-list is its list), load, example (one button an example), among, bare,
// result (one button a picture shown), mixed, alike, best, show, remove, temperature, temperature-number, learned.
// state: {phase: idle | loading | ready | failed, reason, query, source: "" | stored | page, pieces, notes, among,
//         bare, ranking: [[index, cosine], ...] all, or the stored best; milliseconds (from the key to the drawn
//         answer), encode_milliseconds, batch, show, temperature, loss, picture_loss, text_loss, picture_right,
//         text_right}
import { makeWidget, publish, viewOf } from "../kit/mount.mjs";
import { announcer, onceAFrame } from "../kit/play.mjs";
import { contrast } from "../maths/ranking.mjs";
import { loadTower, towerAtHand } from "../model/tower.mjs";
import { SHARED, answerOf, unpacked } from "./facts.mjs";
import { RESULTS } from "./results.mjs";
import { searchView } from "./view.mjs";
import { NO_TOWER, failWords, lossWords, readWords, spokenWords, statusWords } from "./words.mjs";

// The text encoder: `encode` once it is loaded, and how far it has come. page: {redraw(), problem}.
class Tower {
  constructor(model, wanted, page) {
    this.model = model;
    this.wanted = wanted;
    this.page = page;
    this.encode = null;
    this.gone = false;
    this.phase = "idle";
    this.reason = "";
  }

  async load(onready) {
    if (this.phase === "loading" || this.encode) return;
    if (!towerAtHand(this.model)) {
      this.fail(NO_TOWER);
      return;
    }
    this.phase = "loading";
    this.page.problem.calm();
    this.page.redraw();
    try {
      const encode = await loadTower(this.model, this.wanted);
      if (this.gone) return;
      Object.assign(this, { encode, phase: "ready", reason: "" });
      onready();
      this.page.redraw();
    } catch (error) {
      if (!this.gone) this.fail(error.message);
    }
  }

  fail(reason) {
    Object.assign(this, { phase: "failed", reason });
    this.page.problem.warn(failWords(reason));
    this.page.redraw();
  }

  stop() {
    this.gone = true;
  }
}

const firstChoice = ({ query, batch, temperature }) => ({
  query,
  batch: [...batch],
  temperature,
  among: "all",
  bare: false,
  show: "rows",
});

function published(run, now, found) {
  const { loss, pictureLoss, textLoss, pictureRight, textRight } = found;
  const losses = { loss, picture_loss: pictureLoss, text_loss: textLoss };
  return { ...run, ...now, ...losses, picture_right: pictureRight, text_right: textRight };
}

function mount(root, raw, changed) {
  const data = unpacked(raw);
  const now = firstChoice(data);
  const size = `${(data.tower.bytes / 1e6).toFixed(1)} MB`;
  let keyed = 0; // when the key was pressed that waits for its answer
  let milliseconds = null; // from the last key to the drawn answer
  let ranking = [];
  const best = () => ranking.slice(0, RESULTS).map(([i]) => i);
  const load = () => tower.load(() => (keyed = 0));
  const typed = (query, event) => {
    keyed = event?.timeStamp || performance.now();
    change({ query });
    load();
  };
  const view = searchView(data, now, { change, typed, load, best, redraw: () => ask() });
  const tower = new Tower(root.model, data.tower, { redraw: () => ask(), problem: view.problem });
  const live = announcer();
  view.panel.append(live.el);
  root.append(view.panel);

  function change(patch) {
    Object.assign(now, patch);
    changed(Object.fromEntries(Object.entries(patch).filter(([name]) => SHARED.includes(name))));
    ask();
  }

  const ask = onceAFrame(() => {
    const { tokens, count, ...answer } = answerOf(now, data, tower.encode);
    const read = readWords({ ...answer, tokens, count }, now.query, data);
    ranking = answer.ranking;
    view.drawResults(answer, read);
    if (tower.encode && keyed) [milliseconds, keyed] = [performance.now() - keyed, 0];
    const { phase, reason } = tower;
    const run = { phase, reason, ...answer, notes: read.notes, milliseconds };
    const { batch, temperature } = now;
    const [pictures, texts] = [data.pictures, data.texts].map((part) => batch.map((i) => part[i]));
    const found = contrast(pictures, texts, temperature);
    const status = statusWords(run, now.query, data, size);
    view.draw(run, found, { size, status, loss: lossWords(found, batch, data.captions) });
    live.say(spokenWords(status, now, found));
    publish(root, published(run, now, found));
  });

  ask();
  const redraw = (patch) => {
    if ("query" in patch && root.model && !data.stored.some((s) => s.query === now.query.trim())) load();
    ask();
  };
  return viewOf(now, redraw, tower, ask, live, view.panel);
}

const textSearch = makeWidget("text-search", mount, SHARED);
export default textSearch;
