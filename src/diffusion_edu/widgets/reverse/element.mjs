// <reverse-player>: stored runs of the reverse process; x_t and the estimate of x_0 side by side, two runs if wanted.
//
// Controls (data-role): run, compare, run-b, sample (one radio button a seed), prev, play, next, speed, step,
// step-number. The slider goes through the t of the stored states; the box takes any t and goes to the nearest.
// state: {run, run_b, label, method, steps, sample, seed, frame, step, t, s, alpha_bar, signal, noise, noise_share,
//         mean, std (both of x_t, from the full numbers), other: {label, step, t, ...} or null, ready}
// Pictures are stored with a few grey levels, on [-1, 1]; what lies beyond is clipped, as in every picture of the book.
import { makeWidget, publish, viewOf } from "../kit/mount.mjs";
import { clamp } from "../kit/numbers.mjs";
import { announcer, onceAFrame, player, walker } from "../kit/play.mjs";
import { fromDescription } from "../maths/schedules.mjs";
import { shownOf, unpacked } from "./facts.mjs";
import { reverseView } from "./view.mjs";
import { wordsOf } from "./words.mjs";

const SHARED = ["run", "run_b", "sample", "frame"];

function mount(root, data, changed) {
  const schedule = fromDescription(data.schedule);
  const now = Object.fromEntries(SHARED.map((name) => [name, data[name]]));
  let images = null; // once unpacked
  const last = () => data.runs[now.run].t.length - 1;
  const goTo = (frame) => {
    play.stop();
    change({ frame });
  };
  const view = reverseView(now, data, { change, goTo, last });
  const live = announcer();
  view.panel.append(live.el);
  root.append(view.panel);

  function change(patch) {
    Object.assign(now, patch);
    changed(patch);
    ask();
  }

  const ask = onceAFrame(() => {
    if (!images) return;
    now.frame = clamp(now.frame, 0, last());
    const shown = shownOf(now, data, schedule);
    const words = wordsOf(shown);
    view.draw(shown, images, words);
    live.say(words.spoken);
    const { run, label, ...rest } = shown[0];
    const chosen = { run_b: now.run_b, sample: now.sample, seed: data.seeds[now.sample] };
    publish(root, { run, label, ...rest, ...chosen, other: shown[1] ?? null, ready: true });
  });
  const walk = walker(now, last, view.seconds, change);
  const play = player(view.play, (seconds) => Boolean(images) && walk(seconds));

  unpacked(data)
    .then((found) => {
      images = found;
      ask();
    })
    .catch((error) => {
      view.status.textContent = `The stored images cannot be shown: ${error.message}`;
    });
  return viewOf(now, ask, play, ask, live, view.panel);
}

const reversePlayer = makeWidget("reverse-player", mount, SHARED);
export default reversePlayer;
