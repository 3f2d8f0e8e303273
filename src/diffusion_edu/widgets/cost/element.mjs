// <cost-explorer>: what training a network costs on a machine: FLOPs, the least time, memory, and the roofline.
//
// Controls (data-role): network, side, machine, precision (choices); batch, pictures, share, devices (sliders, each
// with a box "...-number").
// state: {network, side, batch, pictures, machine, precision, share, devices} as chosen; {epochs, fits (null where the
//         memory is unknown)}; and all that trainingCost gives, in FLOP, FLOP/s, s and bytes.
import { makeWidget, publish, viewOf } from "../kit/mount.mjs";
import { announcer, onceAFrame } from "../kit/play.mjs";
import { SHARED, checkData, factsOf } from "./facts.mjs";
import { costView } from "./view.mjs";
import { wordsOf } from "./words.mjs";

function mount(root, data, changed) {
  checkData(data);
  const now = Object.fromEntries(SHARED.map((name) => [name, data[name]]));
  const view = costView(now, data, change);
  const live = announcer();
  view.panel.append(live.el);
  root.append(view.panel);

  function change(patch) {
    Object.assign(now, patch);
    changed(patch);
    ask();
  }

  const ask = onceAFrame(() => {
    const facts = factsOf(now, data);
    const words = wordsOf(now, facts);
    view.draw(facts, words);
    live.say(words.spoken);
    publish(root, { ...now, epochs: facts.epochs, fits: facts.fits, ...facts.cost });
  });

  ask();
  return viewOf(now, ask, ask, live, view.roofline, view.panel);
}

const costExplorer = makeWidget("cost-explorer", mount, SHARED);
export default costExplorer;
