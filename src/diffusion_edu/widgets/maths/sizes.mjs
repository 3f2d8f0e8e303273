// Sizes of convolutions and transposed convolutions, as the package's nn/sizes.py has them, each with its rule in
// words.
//
// A setting is {mode, i, k, s, p, d, output_padding}, the same for both axes.

/** @type {(setting: Record<string, any>) => number} */
export const reach = ({ k, d }) => d * (k - 1) + 1;

/** @type {(setting: Record<string, any>) => number} */
export const spreadPadding = ({ k, d, p }) => d * (k - 1) - p; // may be negative: then outer places are cut off

// {o, message}: the size, or why there is none; the message begins with torch's name of the argument.
/** @param {Record<string, any>} setting */
export function outputSize(setting) {
  const { mode, i, k, s, p, d, output_padding: extra } = setting;
  if (mode === "conv") {
    const room = i + 2 * p;
    if (reach(setting) <= room) return { o: Math.floor((room - reach(setting)) / s) + 1, message: "" };
    return {
      o: null,
      message:
        `kernel_size = ${k} does not fit: the kernel reaches over d (k − 1) + 1 = ${reach(setting)} ` +
        `cells, but the input with its padding has only i + 2p = ${room}. A smaller k or d, or more padding, helps.`,
    };
  }
  const most = Math.max(s, d);
  if (extra >= most) {
    return {
      o: null,
      message:
        `output_padding = ${extra} is too much: it must be below the larger of stride and dilation, ` +
        `${most}. It only chooses among the sizes that the convolution’s floor makes equal.`,
    };
  }
  const full = (i - 1) * s + reach(setting) + extra;
  if (full - 2 * p >= 1) return { o: full - 2 * p, message: "" };
  return {
    o: null,
    message:
      `padding = ${p} leaves nothing: the output would have ${full} cells, and padding cuts off 2p = ` +
      `${2 * p} of them. A smaller p helps.`,
  };
}

// The rule in symbols and with its numbers, as lines of text.
/** @param {Record<string, any>} setting */
export function formulaOf(setting) {
  const { mode, i, k, s, p, d, output_padding: extra } = setting;
  const { o } = outputSize(setting);
  if (mode === "conv") {
    const top = i + 2 * p - reach(setting);
    return [
      "o = ⌊(i + 2p − d(k − 1) − 1) / s⌋ + 1",
      `= ⌊(${i} + 2·${p} − ${d}·(${k} − 1) − 1) / ${s}⌋ + 1 = ⌊${String(top).replace("-", "−")} / ${s}⌋ + 1` +
        (o === null ? "" : ` = ${Math.floor(top / s)} + 1 = ${o}`),
    ];
  }
  const result = (i - 1) * s - 2 * p + reach(setting) + extra;
  return [
    "o = (i − 1)s − 2p + d(k − 1) + output_padding + 1",
    `= (${i} − 1)·${s} − 2·${p} + ${d}·(${k} − 1) + ${extra} + 1` + (o === null ? "" : ` = ${result}`),
  ];
}
