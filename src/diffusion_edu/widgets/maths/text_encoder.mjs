// CLIP's text encoder in plain JavaScript: nn/transformer.py's TextEncoder and the last layer of systems/clip.py, for
// one text at a time. 0.4 million weights need a few milliseconds: no runtime, no worker. No page needed.

/** @typedef {{shape: number[], values: Float64Array | Float32Array}} Weight */
/** @typedef {{states: Float64Array, embedding: Float64Array}} Reading */

const SMALL = 1e-5; // of torch's LayerNorm

// Half precision to a number: 1 sign, 5 exponent, 10 fraction bits.
/** @param {number} bits */
export function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
}

// erf to 1.2e-7 (Press et al., Numerical Recipes, section 6.2), and torch's exact gelu with it.
const ERF = [
  -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223,
  0.17087277,
];
/** @param {number} x */
export function gelu(x) {
  const z = Math.abs(x) * Math.SQRT1_2;
  const t = 1 / (1 + z / 2);
  let sum = 0;
  for (let i = ERF.length - 1; i >= 0; i--) sum = sum * t + ERF[i];
  const tail = t * Math.exp(-z * z + sum); // erfc(|x| / sqrt 2)
  return (x * (x >= 0 ? 2 - tail : tail)) / 2;
}

// y = x W^T + b for each of `rows` rows. Four outputs at a time: a processor adds them up side by side, where one long
// sum has to wait for itself.
/**
 * @param {Float64Array} x
 * @param {number} rows
 * @param {Weight} weight
 * @param {Weight} [bias]
 */
function linear(x, rows, { shape, values }, bias) {
  const [out, width] = shape;
  const y = new Float64Array(rows * out);
  for (let r = 0; r < rows; r++) {
    const a = r * width;
    let o = 0;
    for (; o + 3 < out; o += 4) {
      let s0 = 0;
      let s1 = 0;
      let s2 = 0;
      let s3 = 0;
      for (let i = 0, b = o * width; i < width; i++, b++) {
        const v = x[a + i];
        s0 += v * values[b];
        s1 += v * values[b + width];
        s2 += v * values[b + 2 * width];
        s3 += v * values[b + 3 * width];
      }
      y[r * out + o] = s0;
      y[r * out + o + 1] = s1;
      y[r * out + o + 2] = s2;
      y[r * out + o + 3] = s3;
    }
    for (; o < out; o++) for (let i = 0; i < width; i++) y[r * out + o] += x[a + i] * values[o * width + i];
    if (bias) for (o = 0; o < out; o++) y[r * out + o] += bias.values[o];
  }
  return y;
}

/**
 * @param {Float64Array} x
 * @param {number} rows
 * @param {Weight} weight
 * @param {Weight} bias
 */
function layerNorm(x, rows, weight, bias) {
  const width = weight.values.length;
  const y = new Float64Array(x.length);
  for (let r = 0; r < rows; r++) {
    const row = x.subarray(r * width, (r + 1) * width);
    let mean = 0;
    for (const v of row) mean += v / width;
    let variance = 0;
    for (const v of row) variance += (v - mean) ** 2 / width;
    const scale = 1 / Math.sqrt(variance + SMALL);
    for (let i = 0; i < width; i++) y[r * width + i] = (row[i] - mean) * scale * weight.values[i] + bias.values[i];
  }
  return y;
}

// Every position asks every other: softmax(Q K^T / sqrt(d)) V for each head; qkv holds rows of 3 x width.
/**
 * @param {Float64Array} qkv
 * @param {number} rows
 * @param {number} width
 * @param {number} heads
 */
function attend(qkv, rows, width, heads) {
  const d = width / heads;
  const y = new Float64Array(rows * width);
  const weight = new Float64Array(rows);
  for (let head = 0; head < heads; head++) {
    for (let r = 0; r < rows; r++) {
      const q = r * 3 * width + head * d;
      let top = -Infinity;
      for (let c = 0; c < rows; c++) {
        const k = c * 3 * width + width + head * d;
        let sum = 0;
        for (let i = 0; i < d; i++) sum += qkv[q + i] * qkv[k + i];
        weight[c] = sum / Math.sqrt(d);
        top = Math.max(top, weight[c]);
      }
      let total = 0;
      for (let c = 0; c < rows; c++) total += weight[c] = Math.exp(weight[c] - top);
      for (let c = 0; c < rows; c++) {
        const v = c * 3 * width + 2 * width + head * d;
        for (let i = 0; i < d; i++) y[r * width + head * d + i] += (weight[c] / total) * qkv[v + i];
      }
    }
  }
  return y;
}

/** @type {(x: Float64Array, y: Float64Array) => void} */
const add = (x, y) => {
  for (let i = 0; i < x.length; i++) x[i] += y[i];
};

// weights: of unpackTower. Returns read(ids) -> {states: (rows x width) one vector a token, embedding: of length 1
// (Euclidean)}, and encode(ids) -> the embedding alone.
/**
 * @param {Record<string, Weight>} weights
 * @param {number} heads
 */
export function makeTextEncoder(weights, heads) {
  const of = (/** @type {string} */ name) => {
    if (!weights[name]) throw new Error(`the text encoder has no ${name}`);
    return weights[name];
  };
  /** @type {(x: Float64Array, rows: number, name: string) => Float64Array} */
  const layer = (x, rows, name) => linear(x, rows, of(`${name}.weight`), of(`${name}.bias`));
  /** @type {(x: Float64Array, rows: number, name: string) => Float64Array} */
  const norm = (x, rows, name) => layerNorm(x, rows, of(`${name}.weight`), of(`${name}.bias`));
  const tokens = of("text.tokens.weight");
  const positions = of("text.positions");
  const width = tokens.shape[1];
  let depth = 0;
  while (weights[`text.trunk.blocks.${depth}.qkv.weight`]) depth += 1;

  /** @type {(ids: number[]) => Reading} */
  function read(ids) {
    const rows = ids.length;
    if (rows > positions.shape[0]) throw new Error(`at most ${positions.shape[0]} tokens, got ${rows}`);
    const x = new Float64Array(rows * width);
    ids.forEach((id, r) => {
      for (let i = 0; i < width; i++)
        x[r * width + i] = tokens.values[id * width + i] + positions.values[r * width + i];
    });
    for (let n = 0; n < depth; n++) {
      const block = `text.trunk.blocks.${n}`;
      const mixed = attend(layer(norm(x, rows, `${block}.norm1`), rows, `${block}.qkv`), rows, width, heads);
      add(x, layer(mixed, rows, `${block}.out`));
      const hidden = layer(norm(x, rows, `${block}.norm2`), rows, `${block}.hidden`).map(gelu);
      add(x, layer(hidden, rows, `${block}.shrink`));
    }
    const states = norm(x, rows, "text.trunk.norm");
    const pooled = new Float64Array(width);
    for (let r = 0; r < rows; r++) for (let i = 0; i < width; i++) pooled[i] += states[r * width + i] / rows;
    return { states, embedding: unit(linear(pooled, 1, of("text_out.weight"))) };
  }
  return { read, encode: (/** @type {number[]} */ ids) => read(ids).embedding, length: positions.shape[0] };
}

/** @param {Float64Array} x */
export function unit(x) {
  let sum = 0;
  for (const v of x) sum += v * v;
  return x.map((v) => v / (Math.sqrt(sum) || 1));
}
