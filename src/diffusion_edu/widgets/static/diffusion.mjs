// The mathematics of the widgets, in double precision, with the names and the checks of the Python package.
// Nothing here touches the page, so that Node can run it against the package's own tables.

export const MAX_BETA = 0.999;
export const FAMILIES = ["linear", "scaled_linear", "cosine", "custom"];
export const DEFAULTS = {
  linear: { beta_start: 1e-4, beta_end: 0.02 },
  scaled_linear: { beta_start: 0.00085, beta_end: 0.012 },
  cosine: { s: 0.008 },
  custom: { points: [0.0001, 0.001, 0.004, 0.012, 0.03] },
};

// Counts from the nearer end, as torch does, so that both ends are met exactly.
export function linspace(start, end, n) {
  const out = new Float64Array(n);
  const step = n > 1 ? (end - start) / (n - 1) : 0;
  for (let i = 0; i < n; i++) out[i] = i < n / 2 ? start + i * step : end - (n - 1 - i) * step;
  return out;
}

function scaledEnds(T, start, end, scale) {
  if (!(start > 0 && start <= end)) throw new RangeError(`need 0 < beta_start <= beta_end, got ${start} and ${end}`);
  const factor = scale ? 1000 / T : 1;
  if (factor * end >= 1) {
    throw new RangeError(
      scale
        ? `beta_end · 1000 / T must stay below 1, got ${+(factor * end).toPrecision(3)} for T = ${T}: ` +
            `take T > ${Math.floor(1000 * end)} or a smaller beta_end`
        : `beta_end must stay below 1, got ${end}`,
    );
  }
  return [factor * start, factor * end];
}

// Control points: betas (for T = 1000) at even places from t = 1 to t = T, joined by straight lines.
function customBeta(T, points, scale) {
  if (!Array.isArray(points) || points.length < 2 || !points.every((p) => p > 0 && p < 1)) {
    throw new RangeError(`points must be two or more betas between 0 and 1, got ${points}`);
  }
  const factor = scale ? 1000 / T : 1;
  return Float64Array.from({ length: T }, (_, i) => {
    const place = (i / (T - 1)) * (points.length - 1);
    const left = Math.min(Math.floor(place), points.length - 2);
    const beta = points[left] + (place - left) * (points[left + 1] - points[left]);
    return Math.min(factor * beta, MAX_BETA);
  });
}

function cosineBeta(T, s) {
  if (!(s > 0 && s < 1)) throw new RangeError(`s must be between 0 and 1, got ${s}`);
  const f = (t) => Math.cos(((Math.PI / 2) * (t / T + s)) / (1 + s)) ** 2;
  return Float64Array.from({ length: T }, (_, i) => Math.min(1 - f(i + 1) / f(i), MAX_BETA));
}

// The table of a family; options as in the package, plus `scale: false` for betas that ignore T.
export function makeSchedule(name, T = 1000, options = {}) {
  if (!Number.isInteger(T) || T < 2) throw new RangeError(`T must be an integer of at least 2, got ${T}`);
  if (!FAMILIES.includes(name)) throw new RangeError(`schedule must be one of ${FAMILIES.join(", ")}, got ${name}`);
  const o = { scale: true, ...DEFAULTS[name], ...options };
  let beta;
  if (name === "cosine") beta = cosineBeta(T, o.s);
  else if (name === "custom") beta = customBeta(T, o.points, o.scale);
  else {
    const [a, b] = scaledEnds(T, o.beta_start, o.beta_end, o.scale);
    beta = name === "linear" ? linspace(a, b, T) : linspace(Math.sqrt(a), Math.sqrt(b), T).map((r) => r * r);
  }
  return fromBeta(beta, name);
}

// beta holds beta_1 .. beta_T; the tables get an index 0 for the clean picture: beta 0, alpha_bar 1.
export function fromBeta(betaFromOne, name = "custom") {
  const T = betaFromOne.length;
  const beta = new Float64Array(T + 1);
  const alpha = new Float64Array(T + 1).fill(1);
  const alphaBar = new Float64Array(T + 1).fill(1);
  for (let t = 1; t <= T; t++) {
    const b = betaFromOne[t - 1];
    if (!(b > 0 && b < 1)) throw new RangeError(`beta must lie between 0 and 1, got ${b} at t = ${t}`);
    beta[t] = b;
    alpha[t] = 1 - b;
    alphaBar[t] = alphaBar[t - 1] * alpha[t];
  }
  const snr = alphaBar.map((a) => a / (1 - a));
  return { name, T, beta, alpha, alphaBar, snr };
}

export const signal = (schedule, t) => Math.sqrt(schedule.alphaBar[t]);
export const noise = (schedule, t) => Math.sqrt(1 - schedule.alphaBar[t]);
export const decibel = (ratio) => 10 * Math.log10(ratio);

// x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps
export function qSample(x0, eps, t, schedule, out = new Float64Array(x0.length)) {
  const a = signal(schedule, t);
  const s = noise(schedule, t);
  for (let i = 0; i < x0.length; i++) out[i] = a * x0[i] + s * eps[i];
  return out;
}

// Mean and variance of q(x_{t-1} | x_t, x_0)
export function posterior(x0, xt, t, schedule) {
  const left = 1 - schedule.alphaBar[t];
  const leftBefore = 1 - schedule.alphaBar[t - 1];
  const c0 = (Math.sqrt(schedule.alphaBar[t - 1]) * schedule.beta[t]) / left;
  const ct = (Math.sqrt(schedule.alpha[t]) * leftBefore) / left;
  return { mean: Float64Array.from(x0, (x, i) => c0 * x + ct * xt[i]), variance: (schedule.beta[t] * leftBefore) / left };
}

// `steps` even strides from T down to 0
export function timesteps(T, steps) {
  return Array.from({ length: steps + 1 }, (_, i) => Math.floor((T * (steps - i) * 2 + steps) / (2 * steps)));
}

// Deterministic DDIM (eta = 0): to the estimated x_0, then back to the noise that belongs to step s.
export function ddimStep(xt, x0, t, s, schedule) {
  const [at, nt, as, ns] = [signal(schedule, t), noise(schedule, t), signal(schedule, s), noise(schedule, s)];
  return Float64Array.from(xt, (x, i) => as * x0[i] + (ns * (x - at * x0[i])) / nt);
}

// First step at which there is more noise than signal (SNR below 1), or T + 1.
export function crossing(schedule) {
  const t = schedule.snr.findIndex((r) => r < 1);
  return t < 0 ? schedule.T + 1 : t;
}

function mix32(x) {
  x = Math.imul(x ^ (x >>> 17), 0xed5ad4bb);
  x = Math.imul(x ^ (x >>> 11), 0xac4c1b51);
  x = Math.imul(x ^ (x >>> 15), 0x31848bab);
  return (x ^ (x >>> 14)) >>> 0;
}

// Counter-based: word i of a seed needs no state, so any language can give the same numbers.
// word(i) = mix(mix(i) xor mix(seed + 0x9e3779b9)), mix being the integer hash "triple32".
function word(key, i) {
  return mix32(mix32(i) ^ key);
}

// n standard normal numbers: 53-bit uniforms from two words each, then Box-Muller in pairs. `first` (even) skips as
// many numbers of the same seed, so that one seed can give noise again and again.
export function gaussian(seed, n, first = 0) {
  const key = mix32((seed + 0x9e3779b9) | 0);
  const uniform = (j) => {
    const i = first + j;
    return ((word(key, 2 * i) >>> 5) * 67108864 + (word(key, 2 * i + 1) >>> 6)) / 9007199254740992;
  };
  const out = new Float64Array(n);
  for (let i = 0; i < n; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform(i)));
    const angle = 2 * Math.PI * uniform(i + 1);
    out[i] = radius * Math.cos(angle);
    if (i + 1 < n) out[i + 1] = radius * Math.sin(angle);
  }
  return out;
}

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
