// The numbers of <x-t-explorer>. No page needed.
import { memo } from "../kit/memo.mjs";
import { bytesFromBase64, floatsFromBase64, toX0 } from "../kit/unpack.mjs";
import { gaussian } from "../maths/noise.mjs";
import { qSample } from "../maths/process.mjs";
import { decibel, makeSchedule, noise, signal } from "../maths/schedules.mjs";

export const BINS = { low: -4, high: 4, count: 48, top: 0.8 };

// Mean and standard deviation over all pixels (divided by n: these are the pixels, not a sample of them).
export function moments(x) {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i];
  const mean = sum / x.length;
  let squares = 0;
  for (let i = 0; i < x.length; i++) squares += (x[i] - mean) ** 2;
  return { mean, std: Math.sqrt(squares / x.length) };
}

// Share of values per unit of x, in `bins` bins from low to high; what lies outside counts in no bin.
export function density(x, low, high, bins) {
  const out = new Float64Array(bins);
  const width = (high - low) / bins;
  for (let i = 0; i < x.length; i++) {
    const bin = Math.floor((x[i] - low) / width);
    if (bin >= 0 && bin < bins) out[bin] += 1;
  }
  return out.map((count) => count / (x.length * width));
}

export const normal = (x) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

// What travelled with the page, as numbers: the stored images and the package's own noise.
export function unpacked(data) {
  const each = data.channels * data.size ** 2;
  const pixels = bytesFromBase64(data.pixels);
  const stored = data.labels.map((_, i) => toX0(pixels.subarray(i * each, (i + 1) * each)));
  return { ...data, stored, storedEps: floatsFromBase64(data.eps) };
}

// The tensors of now: {x0, eps, channels, noise_source}, the same objects until the image or the seed changes; and x_t.
export function makeWorld(data) {
  const once = memo();
  const area = data.size ** 2;

  function pair(now, own) {
    return once("pair", `${now.seed}/${now.picture}/${own.version}`, () => {
      const x0 = now.picture < 0 ? own.x0 : data.stored[now.picture];
      const channels = x0.length / area;
      const fromPackage = now.seed === data.eps_seed && channels === data.channels;
      const eps = fromPackage ? data.storedEps : gaussian(now.seed, x0.length);
      return { x0, eps, channels, xt: new Float64Array(x0.length), noise_source: fromPackage ? "package" : "widget" };
    });
  }
  const table = (name) => once(`table ${name}`, data.T, () => makeSchedule(name, data.T));
  return {
    pair,
    table,
    facts(now, own) {
      const { t, schedule, seed, picture } = now;
      const tables = table(schedule);
      const { x0, eps, xt, noise_source } = pair(now, own);
      qSample(x0, eps, t, tables, xt);
      const shown = { t, T: data.T, schedule, seed, picture, alpha_bar: tables.alphaBar[t], signal: signal(tables, t) };
      const ratios = { noise: noise(tables, t), snr: tables.snr[t], snr_db: decibel(tables.snr[t]) };
      return { ...shown, ...ratios, ...moments(xt), noise_source };
    },
  };
}
