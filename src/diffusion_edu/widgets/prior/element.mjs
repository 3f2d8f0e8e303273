// <prior-cloud>: what two priors make of a caption, beside the embedding of its true image, in the plane of the first
// two principal components of the training embeddings; each point with the image that the decoder draws of it. All of
// it is stored in the page.
//
// Controls (data-role): caption, guidance, plane (a tap chooses the nearest point), point (one radio button a point).
// state: {caption, text, guidance, point, points: [{sort, seed, x, y, cosine, tile}, ...], chosen (one of them),
//         mean {text, priors}, mean_all {text, priors} (mean cosines of the caption, and over all captions), ready}
import { makeWidget, publish, viewOf } from "../kit/mount.mjs";
import { announcer, onceAFrame } from "../kit/play.mjs";
import { sheetOf } from "../kit/sheet.mjs";
import { SHARED, factsOf, unpacked } from "./facts.mjs";
import { cloudView } from "./view.mjs";
import { wordsOf } from "./words.mjs";

function mount(root, raw, changed) {
  const data = unpacked(raw);
  const now = Object.fromEntries(SHARED.map((name) => [name, data[name]]));
  const view = cloudView(data, now, change);
  const live = announcer();
  view.panel.append(live.el);
  root.append(view.panel);
  let ready = false;

  function change(patch) {
    Object.assign(now, patch);
    changed(patch);
    ask();
  }

  const ask = onceAFrame(() => {
    const facts = factsOf(data, now);
    const words = wordsOf(data, facts);
    view.draw(facts, words, tile);
    live.say(words.spoken);
    publish(root, { ...facts, ready });
  });
  const tile = sheetOf(
    data,
    () => {
      ready = true;
      ask();
    },
    () => view.problem.warn("The stored images cannot be shown."),
  );

  ask();
  return viewOf(now, ask, ask, live, view.panel);
}

const priorCloud = makeWidget("prior-cloud", mount, SHARED);
export default priorCloud;
