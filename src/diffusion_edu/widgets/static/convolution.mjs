// Arithmetic of a convolution and of a transposed convolution on a square grid, in small whole numbers.
//
// A setting is {mode, i, k, s, p, d, output_padding}, the same for both axes. The transposed convolution is counted
// as the direct one that equals it: stride 1 over the inputs spread s apart, with padding d (k - 1) - p and the kernel
// turned by 180 degrees. Places along an axis are counted from the first input; padding has places below 0.

export const CONV_MODES = ["conv", "transpose"];
export const CONV_LIMITS = { i: [1, 8], k: [1, 5], s: [1, 4], p: [0, 4], d: [1, 3], output_padding: [0, 3] };

const reach = ({ k, d }) => d * (k - 1) + 1;
export const spreadPadding = ({ k, d, p }) => d * (k - 1) - p; // may be negative: then outer places are cut off

// {o, message}: the size, or why there is none; the message begins with torch's name of the argument.
export function convSize(setting) {
  const { mode, i, k, s, p, d, output_padding: extra } = setting;
  if (mode === "conv") {
    const room = i + 2 * p;
    if (reach(setting) <= room) return { o: Math.floor((room - reach(setting)) / s) + 1, message: "" };
    return { o: null, message: `kernel_size = ${k} does not fit: the kernel reaches over d (k − 1) + 1 = ${reach(setting)} cells, but the input with its padding has only i + 2p = ${room}. A smaller k or d, or more padding, helps.` };
  }
  const most = Math.max(s, d);
  if (extra >= most) {
    return { o: null, message: `output_padding = ${extra} is too much: it must be below the larger of stride and dilation, ${most}. It only chooses among the sizes that the convolution’s floor makes equal.` };
  }
  const full = (i - 1) * s + reach(setting) + extra;
  if (full - 2 * p >= 1) return { o: full - 2 * p, message: "" };
  return { o: null, message: `padding = ${p} leaves nothing: the output would have ${full} cells, and padding cuts off 2p = ${2 * p} of them. A smaller p helps.` };
}

// Which kernel element meets which place when output `y` is made: [{place, weight, source}], along one axis.
// `source` is the input at that place, or null where a zero stands.
export function convTaps(setting, y) {
  const { mode, i, k, s, p, d } = setting;
  return Array.from({ length: k }, (_, u) => {
    if (mode === "conv") {
      const place = y * s - p + d * u;
      return { place, weight: u, source: place >= 0 && place < i ? place : null };
    }
    const place = y - spreadPadding(setting) + d * u;
    const inside = place >= 0 && place <= (i - 1) * s && place % s === 0;
    return { place, weight: k - 1 - u, source: inside ? place / s : null };
  });
}

// The places drawn along an axis: [{place, kind, source}], kind "input", "pad", "gap" (a zero put between inputs) or
// "extra" (output_padding); `used` tells whether any output reads there.
export function convPlaces(setting, o) {
  const { mode, i, s, p } = setting;
  const last = mode === "conv" ? i - 1 : (i - 1) * s;
  const q = mode === "conv" ? p : spreadPadding(setting);
  const read = new Set(Array.from({ length: o }, (_, y) => convTaps(setting, y).map((tap) => tap.place)).flat());
  const low = Math.min(0, -q);
  const high = Math.max(last, last + q + (mode === "conv" ? 0 : setting.output_padding));
  return Array.from({ length: high - low + 1 }, (_, n) => {
    const place = low + n;
    const inside = place >= 0 && place <= last;
    const step = mode === "conv" ? 1 : s;
    const kind = inside ? (place % step ? "gap" : "input") : place > last + Math.max(q, 0) ? "extra" : "pad";
    return { place, kind, source: kind === "input" ? place / step : null, used: read.has(place) };
  });
}

// The outputs that input `r` goes into along one axis: [{y, weight}].
export function convWrites(setting, o, r) {
  const found = [];
  for (let y = 0; y < o; y++) for (const tap of convTaps(setting, y)) if (tap.source === r) found.push({ y, weight: tap.weight });
  return found;
}

// All products that make the output (y, x): [{row, column, weight, value}], zeros left out.
export function convTerms(setting, input, kernel, y, x) {
  const terms = [];
  for (const a of convTaps(setting, y)) {
    for (const b of convTaps(setting, x)) {
      if (a.source === null || b.source === null) continue;
      terms.push({ row: a.source, column: b.source, weight: kernel[a.weight][b.weight], value: input[a.source][b.source] });
    }
  }
  return terms;
}

export const convSum = (terms) => terms.reduce((sum, { weight, value }) => sum + weight * value, 0);

// The whole output, as rows.
export function convolve(setting, input, kernel) {
  const { o } = convSize(setting);
  const axis = Array.from({ length: o ?? 0 }, (_, n) => n);
  return axis.map((y) => axis.map((x) => convSum(convTerms(setting, input, kernel, y, x))));
}

// How many inputs reach each place of an axis of the output; for the whole grid, multiply rows by columns.
export function convOverlap(setting) {
  const { o } = convSize(setting);
  return Array.from({ length: o ?? 0 }, (_, y) => convTaps(setting, y).filter((tap) => tap.source !== null).length);
}

// Whether a wide input would reach all outputs equally often: each remainder by s has as many kernel elements.
export function convEven({ k, s, d }) {
  const counts = new Array(s).fill(0);
  for (let u = 0; u < k; u++) counts[(d * u) % s] += 1;
  return counts.every((n) => n === counts[0]);
}

export const CONV_INPUTS = [["numbers", "numbers"], ["ones", "all ones"], ["half", "an edge"]];
export const CONV_KERNELS = [["numbered", "numbered"], ["ones", "ones"], ["edge", "edge"], ["blur", "blur"]];

export function convInput(name, i) {
  const value = { numbers: (r, c) => (2 * r + 3 * c + r * c) % 5, ones: () => 1, half: (r, c) => (2 * c < i ? 1 : 3) }[name];
  return Array.from({ length: i }, (_, r) => Array.from({ length: i }, (_, c) => value(r, c)));
}

export function convKernel(name, k) {
  const binomial = [1];
  for (let n = 1; n < k; n++) binomial.push((binomial[n - 1] * (k - n)) / n);
  const value = {
    numbered: (r, c) => k * r + c + 1,
    ones: () => 1,
    edge: (r, c) => (k === 1 ? 1 : Math.sign(2 * c - k + 1)),
    blur: (r, c) => binomial[r] * binomial[c],
  }[name];
  return Array.from({ length: k }, (_, r) => Array.from({ length: k }, (_, c) => value(r, c)));
}

// The rule in symbols and with its numbers, as lines of text.
export function convFormula(setting) {
  const { mode, i, k, s, p, d, output_padding: extra } = setting;
  const { o } = convSize(setting);
  if (mode === "conv") {
    const top = i + 2 * p - reach(setting);
    return [
      "o = ⌊(i + 2p − d(k − 1) − 1) / s⌋ + 1",
      `= ⌊(${i} + 2·${p} − ${d}·(${k} − 1) − 1) / ${s}⌋ + 1 = ⌊${String(top).replace("-", "−")} / ${s}⌋ + 1` + (o === null ? "" : ` = ${Math.floor(top / s)} + 1 = ${o}`),
    ];
  }
  const result = (i - 1) * s - 2 * p + reach(setting) + extra;
  return [
    "o = (i − 1)s − 2p + d(k − 1) + output_padding + 1",
    `= (${i} − 1)·${s} − 2·${p} + ${d}·(${k} − 1) + ${extra} + 1` + (o === null ? "" : ` = ${result}`),
  ];
}
