// <schedule-explorer>: edit a noise schedule; beta, alpha_bar, SNR and a noised picture change together.
//
// Controls (data-role): kind, T, T-number, beta-start, beta-start-number, beta-end, beta-end-number, s, s-number,
// scale, reference, t, t-number; for kind "custom" five handles data-role="point" with data-index 0..4.
// state: {t, T, kind, beta_start, beta_end, s, points, scale, reference, valid, message,
//         beta, alpha, alpha_bar, snr, snr_db, signal, noise, alpha_bar_T, enough, crossing}
import { makeWidget, publish, viewOf } from "../kit/mount.mjs";
import { announcer, onceAFrame } from "../kit/play.mjs";
import { bytesFromBase64, floatsFromBase64, toX0 } from "../kit/unpack.mjs";
import { STRIP, factsOf, makeWorld, namesOf } from "./facts.mjs";
import { scheduleView } from "./view.mjs";
import { wordsOf } from "./words.mjs";

const SHARED = ["t", "kind", "T", "beta_start", "beta_end", "s", "scale", "points", "reference"];

function mount(root, data, changed) {
  const now = Object.fromEntries(SHARED.map((name) => [name, data[name]]));
  const world = makeWorld();
  const image = { x0: toX0(bytesFromBase64(data.pixels)), eps: floatsFromBase64(data.eps) };
  const view = scheduleView(now, { ...data, ...image }, change);
  const live = announcer();
  view.panel.append(live.el);
  root.append(view.panel);

  function change(patch) {
    if (patch.T && patch.T !== now.T) patch.t = Math.round((now.t / now.T) * patch.T); // stay at the same place
    Object.assign(now, patch);
    changed(patch);
    ask();
  }

  const ask = onceAFrame(() => {
    const made = world(now);
    const facts = factsOf(now, made);
    const words = wordsOf(facts, data.label, STRIP, namesOf(now, made, data.traits.kind.choices));
    view.draw(facts, made, words);
    live.say(words.spoken);
    publish(root, facts);
  });

  ask();
  return viewOf(now, ask, ask, live, ...view.charts, view.panel);
}

const scheduleExplorer = makeWidget("schedule-explorer", mount, SHARED);
export default scheduleExplorer;
