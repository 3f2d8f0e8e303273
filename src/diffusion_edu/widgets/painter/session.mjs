// The painter's model at work: the text tower in the page, the U-Net and the decoder in the worker or in the kernel.
import { Session } from "../live/session.mjs";
import { loadTower } from "../model/tower.mjs";
import { MeanMaps, guidedAnswer, guidedFeeds, previewed, wordMaps } from "./facts.mjs";
import { NO_FILES } from "./words.mjs";

const REST = 250; // milliseconds without a change, after which it is painted again

export class PaintSession extends Session {
  constructor(data, model, page) {
    super(data.network, model, data.schedule.T, page);
    this.wanted = data.tower;
    this.encode = null;
    this.maps = new MeanMaps();
    this.spent = { unet: 0, decoder: 0 }; // milliseconds of the run
    this.sheet = null; // the last images that the decoder made
    this.timer = 0;
  }

  // The button: it stops what is under way, or begins. prepare() -> the job.
  toggle(prepare) {
    clearTimeout(this.timer);
    if (this.busy) this.interrupt();
    else this.start(prepare);
  }

  // A run that is under way makes room for the new one.
  paint(prepare) {
    clearTimeout(this.timer);
    if (this.run.phase !== "loading") this.start(prepare);
  }

  // The same once the reader's changes have rested, with the model at hand.
  paintAgain(prepare) {
    clearTimeout(this.timer);
    if (this.backend && this.encode) this.timer = setTimeout(() => this.paint(prepare), REST);
  }

  stop() {
    clearTimeout(this.timer);
    super.stop();
  }

  obstacle() {
    const why = super.obstacle();
    return why || this.model || Object.keys(this.network.graphs).length ? why : NO_FILES;
  }

  async load() {
    const tower = this.encode ?? loadTower(this.model, this.wanted);
    [this.encode] = await Promise.all([tower, super.load()]);
  }

  asker(job) {
    Object.assign(this, { maps: new MeanMaps(), spent: { unet: 0, decoder: 0 }, sheet: null });
    const asked = { count: 0, spent: 0 };
    asked.predict = async (x, t) => {
      const { outputs, ms } = await this.backend.run("unet", guidedFeeds(x, t, job));
      asked.count += 1;
      if (asked.count > 1 || job.times.length === 2) asked.spent += ms;
      this.spent.unet += ms;
      this.maps.add(outputs.attention, job.dims[0]);
      return guidedAnswer(outputs.prediction.data, x.length, job.asked.guidance);
    };
    return asked;
  }

  // The estimate as images: what was denoised itself, or what the decoder makes of it.
  async see(step, job) {
    const { i, of, x0 } = step;
    const seen = { ...step, asked: job.asked, ...wordMaps(this.maps, job.places) };
    if (!this.network.latent) return { ...seen, images: x0 };
    if (previewed(i, of) || !this.sheet) {
      const feeds = { z: { type: "float32", data: Float32Array.from(x0), dims: job.dims } };
      const { outputs, ms } = await this.backend.run("decoder", feeds);
      this.spent.decoder += ms;
      this.sheet = outputs.prediction.data;
    }
    return { ...seen, images: this.sheet };
  }

  /**
   * @param {any} seen
   * @param {any} job
   * @returns {any}
   */
  resultOf({ images, xt, words }, { times }) {
    return { images: Float64Array.from(images), xt, words, times };
  }
}
