// What the parts of a U-Net do, in words, with the numbers of the trace.
import { shapeWords } from "./unet_diagram.mjs";

// 1170145 -> "1,170,145"
export const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");

// 37756928 -> "37.8 million"
export function rough(n) {
  for (const [size, word] of [[1e9, "billion"], [1e6, "million"], [1e3, "thousand"]]) {
    if (n >= 0.9995 * size) return `${(n / size).toFixed(n >= 99.95 * size ? 0 : n >= 9.995 * size ? 1 : 2)} ${word}`;
  }
  return String(n);
}

export const share = (part, whole) => (whole && part / whole < 0.0005 && part ? "under 0.1 %" : `${((100 * part) / (whole || 1)).toFixed(1)} %`);

const attends = (p) => {
  const [channels, height, width] = p.out;
  return `each of the ${height * width} positions looks at all others (${p.heads === 1 ? "1 head" : `${p.heads} heads`}; a token is the ${channels} channels of one position)`;
};

function block(p, verb) {
  const more = p.heads ? ` Then ${attends(p)}.` : "";
  return `${verb} Two 3×3 convolutions, told the step t in between; the size stays.${more}`;
}

const SAY = {
  input: (p) => `The noisy picture as it comes in: ${p.out[0]} ${p.out[0] === 1 ? "channel" : "channels"}, a number for every pixel.`,
  TimeEmbedding: (p) => `The step t becomes ${p.out[0]} numbers: sines and cosines, then two linear layers. Every block adds them, through a layer of its own, to its channels.`,
  VectorEmbedding: (p) => `The condition, a vector of ${p.in[0]} numbers, becomes ${p.out[0]} numbers that are added to those of the step.`,
  Conv: (p) => (p.name === "conv_in"
    ? `A 3×3 convolution: every position looks at its neighbours and describes what it sees by ${p.out[0]} numbers.`
    : `A 3×3 convolution turns ${p.in[0]} channels into the ${p.out[0]} of the picture: the predicted noise. Its weights start at zero.`),
  GroupNorm: () => "Every group of channels is brought to mean 0 and variance 1; then comes SiLU. It hardly computes, and has few weights.",
  DownBlock: (p) => block(p, p.in[0] === p.out[0] ? `Works on ${p.out[0]} channels.` : `From ${p.in[0]} to ${p.out[0]} channels.`),
  UpBlock: (p, of) => block(p, `The ${of(p.skip).out[0]} channels of ${p.skip} are put beside the ${p.in[0]} that arrive: ${p.in[0] + of(p.skip).out[0]} in, ${p.out[0]} out.`),
  ResBlock: (p) => block(p, `The middle, at the smallest size: works on ${p.out[0]} channels.`),
  Attend: (p) => `Far corners of the picture meet here in one step: ${attends(p)}.`,
  DownSample: (p) => `A convolution of stride 2 halves height and width; the ${p.out[0]} channels stay.`,
  UpSample: (p) => (p.layers.some((layer) => layer[1] === "ConvTranspose2d")
    ? `A transposed convolution of stride 2 doubles height and width; the ${p.out[0]} channels stay.`
    : `Every position is repeated 2×2 and a 3×3 convolution smooths the result; the ${p.out[0]} channels stay.`),
};

// One or two sentences about a part; of(name) finds another part.
export const explain = (p, of) => (SAY[p.kind] ? SAY[p.kind](p, of) : `A layer of the kind ${p.kind}.`);

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
export const inOut = (p, of) => `${shapeWords(p.in)}${p.skip ? ` and ${shapeWords(of(p.skip).out)}` : ""} → ${shapeWords(p.out)}`;

// "res.conv1" -> "conv1"; the attention of a block keeps its second name.
export const layerName = (name) => name.replace(/^res\./, "").replace(/^(attention\.)?self_attention/, "attention").replace(/^(attention\.)?cross_attention/, "cross");
