// Noise schedules, as the package's schedules.py has them, in double precision.
// Nothing in maths/ touches the page, so that Node can run it against the package.
/**
 * Tables of length T + 1, of which index 0 is the clean picture.
 * @typedef {object} Schedule
 * @property {string} name
 * @property {number} T
 * @property {Float64Array} beta
 * @property {Float64Array} alpha
 * @property {Float64Array} alphaBar
 * @property {Float64Array} snr
 */
/** @typedef {ArrayLike<number>} Values */

export const MAX_BETA = 0.999;

export const FAMILIES = ["linear", "scaled_linear", "cosine", "custom"];

/** @type {Record<string, Record<string, any>>} */
export const DEFAULTS = {
  linear: { beta_start: 1e-4, beta_end: 0.02 },
  scaled_linear: { beta_start: 0.00085, beta_end: 0.012 },
  cosine: { s: 0.008 },
  custom: { points: [0.0001, 0.001, 0.004, 0.012, 0.03] },
};

// Counts from the nearer end, as torch does, so that both ends are met exactly.
/**
 * @param {number} start
 * @param {number} end
 * @param {number} n
 */
export function linspace(start, end, n) {
  const out = new Float64Array(n);
  const step = n > 1 ? (end - start) / (n - 1) : 0;
  for (let i = 0; i < n; i++) out[i] = i < n / 2 ? start + i * step : end - (n - 1 - i) * step;
  return out;
}

/**
 * @param {number} T
 * @param {number} start
 * @param {number} end
 * @param {boolean} scale
 */
function scaledEnds(T, start, end, scale) {
  if (!(start > 0 && start <= end)) throw new RangeError(`need 0 < β_1 ≤ β_T, got ${start} and ${end}`);
  const factor = scale ? 1000 / T : 1;
  if (factor * end >= 1) {
    throw new RangeError(
      scale
        ? `β_T · 1000 / T must stay below 1, got ${+(factor * end).toPrecision(3)} for T = ${T}: ` +
            `take T > ${Math.floor(1000 * end)} or a smaller β_T`
        : `β_T must stay below 1, got ${end}`,
    );
  }
  return [factor * start, factor * end];
}

// Control points: betas (for T = 1000) at even places from t = 1 to t = T, joined by straight lines.
/**
 * @param {number} T
 * @param {number[]} points
 * @param {boolean} scale
 */
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

/**
 * @param {number} T
 * @param {number} s
 */
function cosineBeta(T, s) {
  if (!(s > 0 && s < 1)) throw new RangeError(`s must be between 0 and 1, got ${s}`);
  const f = (/** @type {number} */ t) => Math.cos(((Math.PI / 2) * (t / T + s)) / (1 + s)) ** 2;
  return Float64Array.from({ length: T }, (_, i) => Math.min(1 - f(i + 1) / f(i), MAX_BETA));
}

// The table of a family; options as in the package, plus `scale: false` for betas that ignore T.
/**
 * @param {string} name
 * @param {number} T
 * @param {Record<string, any>} options
 */
export function makeSchedule(name, T = 1000, options = {}) {
  if (!Number.isInteger(T) || T < 2) throw new RangeError(`T must be an integer of at least 2, got ${T}`);
  if (!FAMILIES.includes(name)) throw new RangeError(`schedule must be one of ${FAMILIES.join(", ")}, got ${name}`);
  /** @type {Record<string, any>} */
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
/**
 * @param {Float64Array} betaFromOne
 * @param {string} name
 * @returns {Schedule}
 */
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

/** @type {(schedule: Schedule, t: number) => number} */
export const signal = (schedule, t) => Math.sqrt(schedule.alphaBar[t]);

/** @type {(schedule: Schedule, t: number) => number} */
export const noise = (schedule, t) => Math.sqrt(1 - schedule.alphaBar[t]);

/** @type {(ratio: number) => number} */
export const decibel = (ratio) => 10 * Math.log10(ratio);

// First step at which there is more noise than signal (SNR below 1), or T + 1.
/** @param {Schedule} schedule */
export function crossing(schedule) {
  const t = schedule.snr.findIndex((r) => r < 1);
  return t < 0 ? schedule.T + 1 : t;
}

// The schedule that to_dict() of the package's class describes: {name, T, and the options of the family}.
/** @param {{name: string, T: number} & Record<string, any>} description */
export function fromDescription({ name, T, ...options }) {
  return makeSchedule(name, T, options);
}
