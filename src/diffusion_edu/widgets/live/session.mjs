// One model at work: loading it, a run of the reverse process, and stopping in between.
import { reverse } from "../maths/samplers.mjs";
import { kernelBackend, obstacle, pageBackend, stepFeeds } from "../model/backend.mjs";

const seconds = (began) => (performance.now() - began) / 1000;

export class Session {
  // network: of facts.mjs; model: the notebook's, or undefined; page: {redraw(), warn(words), calm(), loaded(share)}.
  constructor(network, model, T, page) {
    this.network = network;
    this.model = model;
    this.T = T;
    this.page = page;
    this.backend = null;
    this.shown = null;
    this.result = null;
    this.ticket = 0; // a run that holds an old ticket stops
    this.owner = 0; // the ticket of the run that began last
    this.run = { phase: "idle", reason: "", provider: "", i: 0, of: 0, t: T, ms_step: 0, seconds: 0 };
    Object.assign(this.run, { load_seconds: 0, bytes: 0 });
    const why = this.obstacle();
    if (why) this.fail(why);
  }

  get busy() {
    return this.run.phase === "loading" || this.run.phase === "running";
  }

  obstacle() {
    return this.model || this.backend ? "" : obstacle();
  }

  set(patch) {
    Object.assign(this.run, patch);
    this.page.redraw();
  }

  fail(reason) {
    this.backend?.close();
    this.backend = null;
    this.page.warn(reason);
    this.set({ phase: "failed", reason });
  }

  // The reader has changed something: what runs is of no use any more, and what was drawn belongs to other settings.
  outdate() {
    if (!["running", "done", "stopped"].includes(this.run.phase)) return;
    this.ticket += 1;
    this.shown = this.result = null;
    Object.assign(this.run, { phase: this.backend ? "ready" : "idle", i: 0, of: 0, t: this.T, ms_step: 0, seconds: 0 });
  }

  interrupt() {
    this.ticket += 1;
    if (this.run.phase !== "loading") return;
    this.backend.close();
    this.backend = null;
    this.set({ phase: "stopped" });
  }

  stop() {
    this.ticket += 1;
    this.backend?.close();
  }

  // Loads the model where that is still to be done, and runs the job of prepare(); without a job nothing happens.
  async start(prepare) {
    const why = this.obstacle();
    if (why) {
      this.fail(why);
      return;
    }
    this.ticket += 1;
    const mine = this.ticket;
    try {
      if (!this.backend) await this.load();
      const job = mine === this.ticket ? prepare() : null;
      if (job) await this.sample(job, mine);
    } catch (error) {
      if (error.message !== "stopped") {
        this.fail(`The model could not run: ${error.message}. The stored images stay.`);
      }
    }
  }

  async load() {
    const began = performance.now();
    this.page.calm();
    this.page.loaded(0);
    this.set({ phase: "loading", reason: "" });
    this.backend = this.model ? kernelBackend(this.model) : pageBackend(this.network);
    const { provider, bytes } = await this.backend.load((share) => this.page.loaded(share));
    this.set({ phase: "ready", provider, bytes, load_seconds: seconds(began) });
  }

  // The network's answers, and the time that they took but for the first, which also builds the plan.
  asker({ dims, times }) {
    const asked = { count: 0, spent: 0 };
    asked.predict = async (x, t) => {
      const { outputs, ms } = await this.backend.run("unet", stepFeeds(x, t, dims));
      asked.count += 1;
      if (asked.count > 1 || times.length === 2) asked.spent += ms;
      return outputs.prediction.data;
    };
    return asked;
  }

  // The state of a run as it will be shown, from the step and the job: more may be made of it here.
  /** @param {any[]} given */
  async see(...given) {
    return given[0];
  }

  // What the page can ask for after a state was shown.
  /**
   * @param {any} seen
   * @param {any} job
   * @returns {any}
   */
  resultOf({ xt, x0 }, { times }) {
    return { xt, x0, times };
  }

  async sample(job, mine) {
    this.page.calm();
    const began = performance.now();
    const asked = this.asker(job);
    this.owner = mine;
    Object.assign(this.run, { phase: "running", i: 0, of: job.times.length - 1, ms_step: 0 });
    for await (const step of reverse({ ...job, predict: asked.predict })) {
      const seen = mine === this.ticket ? await this.see(step, job) : null;
      if (mine !== this.ticket) {
        if (mine === this.owner && this.busy) this.run.phase = "stopped";
        break;
      }
      this.shown = seen;
      this.result = this.resultOf(seen, job);
      const phase = step.t === 0 ? "done" : "running";
      const pace = asked.spent / Math.max(1, asked.count - 1);
      this.set({ phase, i: step.i, t: step.t, ms_step: pace, seconds: seconds(began) });
    }
    this.page.redraw();
  }
}
