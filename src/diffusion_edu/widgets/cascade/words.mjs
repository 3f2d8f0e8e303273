// What <cascade-player> says.
import { number } from "../kit/numbers.mjs";

export const PROMPT = "Prompt";
export const SEED = "Seed";
export const LEVEL = "Noise on the smaller image";

export const sizeWords = (size) => `${size}×${size}`;
export const levelWords = (s) => (s === 0 ? "none (s = 0)" : `step s = ${s}`);
const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

// "base" or "upscaler"
export const networkName = (data, k) => (data.networks[k].told ? "upscaler" : "base");
export const stageWords = (data, k) => `${networkName(data, k)}, ${sizeWords(data.networks[k].side)}`;

// Under the image of a network.
export function drawnWords({ size, phase, t }) {
  const what = { waits: "not begun", done: "done" }[phase] ?? (t === 0 ? "t = 0, done" : `t = ${t}`);
  return `${sizeWords(size)}: ${what}`;
}

// Under what an upscaler is given.
export function toldWords({ noise, networks }, k) {
  const small = sizeWords(networks[k - 1].size);
  return noise.s === 0 ? `given: ${small}, enlarged` : `given: ${small}, noised to s = ${noise.s}, enlarged`;
}

export const textWords = (text) => `given: “${text}”`;

// What the network that is at work is given.
function givenWords({ network, networks, noise }) {
  const { reads, told } = networks[network];
  if (!told) return "It is given the text.";
  const small = `the ${sizeWords(networks[network - 1].size)} image`;
  const noised = noise.s === 0 ? `${small} without noise` : `${small} with the noise of step s = ${noise.s}`;
  return `It is given ${noised} ${reads ? "and the text" : "and no text"}.`;
}

function shareWords({ network, networks, noise }) {
  if (!networks[network].told || noise.s === 0) return "";
  return ` The noise is 1 − ᾱ_s = ${percent(noise.share)} of the variance.`;
}

export function noteOf(data) {
  const sizes = data.networks.map(({ side }) => sizeWords(side));
  const w = number(data.guidance, 1).replace(".0", "");
  const few = sizes.slice(0, -1).join(" and ");
  const smaller = few ? ` Stored: ${few} in steps of ${data.step} of 255, the largest with a loss.` : "";
  return (
    "Each image is the estimate of x_0 at the step t under it; at t = 0 it is what the network draws. " +
    `The guidance is ${w}. Values beyond −1 and 1 are clipped.${smaller}`
  );
}

export function wordsOf(data, facts) {
  const { network, state, states, t, text } = facts;
  const name = stageWords(data, network);
  const place = `${name}: state ${state + 1} of ${states}, t = ${t}`;
  const given = givenWords(facts);
  return {
    place,
    given: `. ${given}${shareWords(facts)}`,
    value: place,
    drawn: facts.networks.map(drawnWords),
    drawnLabels: facts.networks.map((one, k) =>
      one.phase === "waits"
        ? `${stageWords(data, k)}: not begun`
        : `“${text}” as estimated by the ${stageWords(data, k)}, at t = ${one.t}`,
    ),
    told: facts.networks.map((one, k) => (one.told ? toldWords(facts, k) : textWords(text))),
    spoken: `“${text}”, ${place}. ${given}`,
  };
}
