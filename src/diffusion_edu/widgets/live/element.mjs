// <live-sampler>: the trained network itself draws pictures, in this page.
//
// Controls (data-role): run, stop, samples, method, steps, steps-number, eta, eta-number, seed, new-seed, start (noise,
// picture, drawing, own), picture (one radio button a picture), pad (the canvas to draw on), clear, file, start-t,
// start-t-number.
// state: {phase: idle | loading | ready | running | done | stopped | failed, reason, provider: webgpu | wasm | python,
//         samples, method, steps, eta, seed, start, start_t, i, of, t, ms_step, seconds, load_seconds, bytes}
// element.result: {xt, x0, times} of the last run, float64, all samples one after another.
// Noise of sample k is gaussian(seed + k) of diffusion.mjs: its first numbers are the start, the next ones the first
// step's fresh noise, and so on; maths/noise.py in Python gives the same.
import { text } from "../kit/dom.mjs";
import { makeWidget, publish, viewOf } from "../kit/mount.mjs";
import { announcer, onceAFrame } from "../kit/play.mjs";
import { bytesFromBase64, toX0 } from "../kit/unpack.mjs";
import { readPicture } from "../kit/upload.mjs";
import { fromDescription } from "../maths/schedules.mjs";
import { firstChoice, jobOf, networkOf } from "./facts.mjs";
import { Session } from "./session.mjs";
import { liveView } from "./view.mjs";
import { CHOOSE_FIRST, goWords, statusWords } from "./words.mjs";

function unpacked(data) {
  const { size, channels, labels } = data;
  const area = channels * size * size;
  const pixels = bytesFromBase64(data.pixels);
  const stored = labels.map((_, i) => toX0(pixels.subarray(i * area, (i + 1) * area)));
  return { size, channels, labels, stored, T: data.schedule.T, traits: data.traits, still: data.still };
}

// Where the page says what went wrong.
function complaints(problem) {
  return {
    warn(words) {
      text(problem, words);
      problem.hidden = false;
    },
    calm() {
      problem.hidden = true;
    },
  };
}

// The reader's own file as x_0; done(problem): it was read, or why not.
function ownImage(size, channels, done) {
  const own = { x0: null, name: "" };
  async function upload(file, input) {
    let problem = "";
    try {
      own.x0 = toX0(await readPicture(file, size, channels === 3));
      own.name = file.name;
    } catch (error) {
      problem = error.message;
    }
    input.value = "";
    done(problem);
  }
  return { own, upload };
}

function mount(root, data, changed) {
  const now = firstChoice(data);
  const images = unpacked(data);
  const schedule = fromDescription(data.schedule);
  const network = networkOf(data);
  const methods = new Map(data.traits.method.choices);
  const shape = [data.channels, data.size, data.size];
  const { own, upload } = ownImage(data.size, data.channels, uploaded);
  const go = () => (session.busy ? session.interrupt() : session.start(prepare));
  const view = liveView(now, images, root.fallback, { change, file: upload, go });
  const live = announcer();
  view.panel.append(live.el);
  root.append(view.panel);
  const page = { ...complaints(view.problem), redraw: () => ask(), loaded: (share) => (view.bar.value = share) };
  const ask = onceAFrame(draw);
  const redraw = () => {
    session.outdate();
    ask();
  };
  const session = new Session(network, root.model, schedule.T, page);

  function change(patch) {
    Object.assign(now, patch);
    changed(patch);
    if ("start" in patch && session.run.phase !== "failed") page.calm();
    redraw();
  }

  function uploaded(problem) {
    if (problem) page.warn(problem);
    else {
      view.showOwn(own.x0, own.name);
      page.calm();
    }
    change({});
  }

  function prepare() {
    const x0 = view.x0(own.x0);
    if (now.start !== "own" || x0) return jobOf(now, shape, schedule, network, x0);
    page.warn(CHOOSE_FIRST);
    return null;
  }

  function draw() {
    const { run } = session;
    const words = {
      go: goWords(run, Boolean(root.model), network.bytes),
      status: statusWords(run, methods.get(now.method)),
    };
    view.draw(session, words);
    if (session.result) root.result = session.result;
    if (run.phase !== "running") live.say(words.status);
    publish(root, { ...run, ...now });
  }

  ask();
  return viewOf(now, redraw, session, ask, live, view.panel);
}

const liveSampler = makeWidget("live-sampler", mount, ["method", "steps", "eta", "seed"]);
export default liveSampler;
