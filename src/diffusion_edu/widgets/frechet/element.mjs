// <frechet-explorer>: two Gaussians in the plane to drag, stretch and turn; the Frechet distance between them in its
// two parts; and the distance that n points of each would show, draw after draw.
//
// Controls (data-role): preset; for each Gaussian (real, generated) three handles in the plane (real-centre,
// real-first, real-second) and five boxes (real-x, real-y, real-along, real-across, real-turn) in a fold
// (numbers); n, n-number, more, many, seed.
// state: {preset, real, generated, n, seed, draws, mean_term, covariance_term, distance (all exact), estimates (the
//         distance that each draw shows), estimate {mean, covariance, distance} (of the last draw, whose points are
//         seen), average}
import { makeWidget, publish, viewOf } from "../kit/mount.mjs";
import { announcer, onceAFrame } from "../kit/play.mjs";
import { SETS, SHARED, checkGaussian, makeFacts } from "./facts.mjs";
import { frechetView } from "./view.mjs";
import { wordsOf } from "./words.mjs";

function mount(root, data, changed) {
  const now = Object.fromEntries(SHARED.map((name) => [name, data[name]]));
  for (const [role] of SETS) checkGaussian(role, now[role]);
  const factsOf = makeFacts(data.presets);
  const view = frechetView(now, data, change);
  const live = announcer();
  view.panel.append(live.el);
  root.append(view.panel);

  function change(patch) {
    Object.assign(now, patch);
    changed(patch);
    ask();
  }

  const ask = onceAFrame(() => {
    const facts = factsOf(now);
    const words = wordsOf(facts);
    view.draw(facts, words);
    live.say(words.spoken);
    publish(root, facts);
  });

  ask();
  return viewOf(now, ask, ask, live, view.panel);
}

const frechetExplorer = makeWidget("frechet-explorer", mount, SHARED);
export default frechetExplorer;
