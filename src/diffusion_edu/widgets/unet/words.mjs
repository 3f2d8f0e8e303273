// What the parts of a U-Net do, in words, with the numbers of the trace; and what <unet-explorer> says.
import { thousands } from "../kit/numbers.mjs";

// "16×16×128": height, width, channels, as the book writes it; (C,) -> "128 numbers"
export function shapeWords(shape) {
  if (shape.length === 0) return "t";
  return shape.length === 1 ? `${shape[0]} numbers` : `${shape[1]}×${shape[2]}×${shape[0]}`;
}

/** @type {[number, string][]} */
const SIZES = [
  [1e9, "billion"],
  [1e6, "million"],
  [1e3, "thousand"],
];

// 37756928 -> "37.8 million"
export function rough(n) {
  for (const [size, word] of SIZES) {
    if (n >= 0.9995 * size) return `${(n / size).toFixed(n >= 99.95 * size ? 0 : n >= 9.995 * size ? 1 : 2)} ${word}`;
  }
  return String(n);
}

export const share = (part, whole) =>
  whole && part / whole < 0.0005 && part ? "under 0.1 %" : `${((100 * part) / (whole || 1)).toFixed(1)} %`;

const attends = (p) => {
  const [channels, height, width] = p.out;
  return (
    `each of the ${height * width} positions attends to all ` +
    `(${p.heads === 1 ? "1 head" : `${p.heads} heads`}; a token is the ${channels} channels of one position)`
  );
};

function block(p, verb) {
  const more = p.heads ? ` Then ${attends(p)}.` : "";
  return `${verb} Two 3×3 convolutions, with the embedding of t added in between; the size stays.${more}`;
}

const SAY = {
  input: (p) =>
    `The noisy image as it comes in: ${p.out[0]} ${p.out[0] === 1 ? "channel" : "channels"}, a number for ` +
    `every pixel.`,
  TimeEmbedding: (p) =>
    `The step t becomes ${p.out[0]} numbers: sines and cosines, then two linear layers. Every block adds them, ` +
    `through a layer of its own, to its channels.`,
  VectorEmbedding: (p) =>
    `The condition, a vector of ${p.in[0]} numbers, becomes ${p.out[0]} numbers that are added to those of the step.`,
  Conv: (p) =>
    p.name === "conv_in"
      ? `A 3×3 convolution: of every position and its neighbors it makes ${p.out[0]} numbers.`
      : `A 3×3 convolution turns ${p.in[0]} channels into the ${p.out[0]} of the image: the predicted noise. ` +
        `Its weights start at zero.`,
  GroupNorm: () =>
    "Every group of channels is brought to mean 0 and variance 1; then comes SiLU. It takes few operations and has " +
    "few weights.",
  DownBlock: (p) =>
    block(p, p.in[0] === p.out[0] ? `${p.out[0]} channels in and out.` : `From ${p.in[0]} to ${p.out[0]} channels.`),
  UpBlock: (p, of) =>
    block(
      p,
      `The ${of(p.skip).out[0]} channels of ${p.skip} are put beside the ${p.in[0]} that arrive: ` +
        `${p.in[0] + of(p.skip).out[0]} in, ${p.out[0]} out.`,
    ),
  ResBlock: (p) => block(p, `The middle, at the smallest size: ${p.out[0]} channels in and out.`),
  Attend: (p) => `Distant positions exchange information in one layer: ${attends(p)}.`,
  DownSample: (p) => `A convolution of stride 2 halves height and width; the ${p.out[0]} channels stay.`,
  UpSample: (p) =>
    p.layers.some((layer) => layer[1] === "ConvTranspose2d")
      ? `A transposed convolution of stride 2 doubles height and width; the ${p.out[0]} channels stay.`
      : `Every position is repeated 2×2 and a 3×3 convolution smooths the result; the ${p.out[0]} channels stay.`,
};

// One or two sentences about a part; of(name) finds another part.
export const explain = (p, of) => (SAY[p.kind] ? SAY[p.kind](p, of) : `A layer of type ${p.kind}.`);

// The skip connection that a part makes or takes, and its residual connection; "" for neither.
export function joins(p, parts, of) {
  if (p.skip) {
    const [a, b] = [p.in[0], of(p.skip).out[0]];
    return `takes ${p.skip}: ${a} + ${b} = ${a + b} channels`;
  }
  const taker = parts.find((other) => other.skip === p.name);
  return taker ? `goes to ${taker.name} as well` : "";
}

export function residual(p, of) {
  if (!p.residual) return "";
  const into = p.in[0] + (p.skip ? of(p.skip).out[0] : 0);
  return p.residual === "identity"
    ? `adds its input unchanged, ${p.out[0]} channels`
    : `adds its input through a 1×1 convolution, ${into} → ${p.out[0]} channels`;
}

// Shapes in and out: the input of a block of the decoder has two parts.
export const inOut = (p, of) =>
  `${shapeWords(p.in)}${p.skip ? ` and ${shapeWords(of(p.skip).out)}` : ""} → ${shapeWords(p.out)}`;

// "res.conv1" -> "conv1"; the attention of a block keeps its second name.
export const layerName = (name) =>
  name
    .replace(/^res\./, "")
    .replace(/^(attention\.)?self_attention/, "attention")
    .replace(/^(attention\.)?cross_attention/, "cross");

export const totalWords = ({ label, parameters, flops }, size) =>
  `${label}: ${thousands(parameters)} parameters, ${rough(flops)} floating-point operations for one image of ` +
  `${size}×${size}. The width of a bar shows the number of channels, its height the size of the feature map.`;

export const TABLE_HEAD = [
  ...["part", "kind", "in → out", "parameters", "share", "operations", "share"],
  ...["skip from", "residual", "heads"],
];

// All parts of a network, one row each.
export function tableRows({ parts, parameters, flops }, of) {
  return parts.map((p) => [
    ...[p.name, p.kind, inOut(p, of), thousands(p.parameters), share(p.parameters, parameters), rough(p.flops)],
    ...[share(p.flops, flops), p.skip ?? "", p.residual ?? "", p.heads || ""],
  ]);
}

export const layerRows = (p) =>
  p.layers.map(([name, , a, b, n, f]) => [layerName(name), `${a} → ${b}`, thousands(n), rough(f)]);

// What is known of a part: [[name, words], ...]
export function factRows(p, { parts, parameters, flops }, of) {
  return [
    ["shape", inOut(p, of)],
    ["parameters", `${thousands(p.parameters)} (${share(p.parameters, parameters)})`],
    ["operations", `${rough(p.flops)} (${share(p.flops, flops)})`],
    ["skip", joins(p, parts, of)],
    ["residual", residual(p, of)],
  ];
}

// Under the feature maps: what their grey means, or why there are none.
export function mapsNote(p, { maps, scale, first, ts, t, label }) {
  if (scale !== null) {
    const where = maps < p.out[0] ? `${maps} of ${p.out[0]} channels at ` : "At ";
    return `${where}t = ${t}: gray is 0, white ${scale}, black −${scale}.`;
  }
  if (!ts.length) return "";
  if (!first) return `Feature maps are stored for ${label}.`;
  return p.out.length < 3 ? "A vector: it has no positions, so no image." : "Not kept for this part.";
}

// Of the attention on show: the position that looks, and what white means.
export function lookWords({ query, side, most }) {
  const place = `row ${Math.floor(query / side) + 1}, column ${(query % side) + 1} of ${side}×${side}`;
  const even = (100 / side ** 2).toFixed(1);
  return {
    place,
    picture: `the noisy image, with the position in ${place} marked`,
    look: `what the position in ${place} attends to`,
    note:
      `Attention of ${place}, mean of the heads: white is ${(100 * most).toFixed(1)} %. ` +
      `Even attention would give every position ${even} %.`,
  };
}

// The line of words, and what is spoken; t: "" where no feature maps are on show.
export function statusWords(p, { parts, parameters, flops }, of, t) {
  const i = parts.indexOf(p);
  const at = t === "" ? "" : `, t = ${t}`;
  const skip = p.skip ? ` Skip connection from ${p.skip}.` : "";
  const shares = `${share(p.parameters, parameters)} of the parameters, ${share(p.flops, flops)} of the operations.`;
  const place = i ? `${p.name}, part ${i} of ${parts.length - 1}` : "x_t, what comes in";
  return {
    place,
    name: place + at,
    shares: `: ${inOut(p, of)}, ${shares}`,
    spoken: `${p.name}${at}: ${inOut(p, of)}. ${explain(p, of)}${skip}`,
  };
}
