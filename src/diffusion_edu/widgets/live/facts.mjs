// The numbers of <live-sampler>: what a run starts from, its noise and its steps. No page needed.
import { gaussian } from "../maths/noise.mjs";
import { runTimes } from "../maths/samplers.mjs";
import { noise, signal } from "../maths/schedules.mjs";

// The graphs of the model, where their weights are, what the network predicts and how its estimates are clipped.
export function networkOf(data) {
  if (data.network) return data.network;
  // Pages stored by version 0.1 name a model that predicts the noise of images.
  const [graphs, weights] = [{ unet: `${data.model}.onnx` }, [`${data.model}.safetensors`]];
  return { graphs, weights, target: "eps", clip: "static" };
}

// What the reader has chosen, at first.
export function firstChoice(data) {
  const { samples, method, steps, eta, seed, schedule } = data;
  return { samples, method, steps, eta, seed, start: "noise", start_t: Math.round(schedule.T / 2), picture: 0 };
}

// The (samples x pixels) state that a run starts from, and its step.
export function begin({ samples, seed, start_t }, area, schedule, x0) {
  const at = x0 ? start_t : schedule.T;
  const [a, b] = [signal(schedule, at), noise(schedule, at)];
  const xt = new Float64Array(samples * area);
  for (let k = 0; k < samples; k++) {
    const eps = gaussian(seed + k, area);
    for (let i = 0; i < area; i++) xt[k * area + i] = x0 ? a * x0[i] + b * eps[i] : eps[i];
  }
  return { xt, at };
}

// Fresh noise of one run: each call gives the next numbers of every sample's seed.
export function noiseSource(seed, samples, area) {
  let call = 0;
  return () => {
    call += 1;
    const z = new Float64Array(samples * area);
    for (let k = 0; k < samples; k++) z.set(gaussian(seed + k, area, call * area), k * area);
    return z;
  };
}

// All that a run needs; shape: [channels, size, size] of a sample, x0: the image to start from, or null for noise.
export function jobOf(now, shape, schedule, { target, clip }, x0) {
  const area = shape.reduce((product, n) => product * n, 1);
  const { xt, at } = begin(now, area, schedule, x0);
  return {
    schedule,
    xt,
    method: now.method,
    eta: now.method === "ddim" ? now.eta : 0,
    times: runTimes(schedule.T, now.steps, at),
    network: { target, clip, area },
    fresh: noiseSource(now.seed, now.samples, area),
    dims: [now.samples, ...shape],
  };
}
