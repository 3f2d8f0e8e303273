// What <cost-explorer> says.
import { duration, thousands, withUnit } from "../kit/numbers.mjs";
import { epochsOf } from "./facts.mjs";

export const NOTE =
  "The roofline, solid, is what memory and arithmetic allow; the dot is a training step of this network; the dashed " +
  "line is the share of the peak chosen above. Counted are saved activations (written and read forwards, read twice " +
  "backwards) and, once a step, weights, gradients, AdamW and EMA. Values that are not saved are moved too, unless " +
  "operations are fused, so real steps lie further left. Left out: normalizations and SiLU (under 1 % of the FLOPs), " +
  "and what the devices exchange.";

// one H100 SXM, 8 × H100 SXM
const onWords = (devices, { label, one }) => (devices === 1 ? one : `${devices} × ${label}`);

export function epochWords(pictures) {
  const epochs = epochsOf(pictures);
  return `${epochs >= 10 ? thousands(epochs) : +epochs.toPrecision(2)} epochs of CIFAR-10`;
}

// 46 %, 2.8 %, < 0.1 %
export function percent(share) {
  return share < 1e-3 ? "< 0.1 %" : `${+(100 * share).toPrecision(2)} %`;
}

// Three words a tile: its name, its value, and more about it.
function tileWords(now, { one, machine, cost }) {
  return {
    picture: ["a training image", withUnit(cost.picture_flops, "FLOP"), `3 × ${withUnit(one.flops, "FLOP")} forward`],
    floor: ["at the peak, at least", duration(cost.floor_seconds), `${withUnit(cost.total_flops, "FLOP")} in all`],
    rate: ["images per second", thousands(cost.pictures_per_second), `on ${onWords(now.devices, machine)}`],
  };
}

// The answer, in two parts: how long, and whether it fits.
function answerWords({ machine, cost, fits }) {
  if (fits === null) return [duration(cost.seconds), ", memory of the machine unknown"];
  const there = withUnit(machine.memory, "B");
  return [duration(cost.seconds), fits ? `, fits in ${there}` : `, does not fit in ${there}`];
}

function moreWords(now) {
  const devices = now.devices === 1 ? "one device" : `${now.devices} devices`;
  return `${now.side}×${now.side}, ${now.precision === "fp32" ? "fp32" : "16 bits"}, ${devices}`;
}

function sourceWords({ network, one, machine, peak }) {
  const memory = machine.memory === null ? " of unknown size" : `, ${withUnit(machine.memory, "B")}`;
  return (
    `Network: ${network.shape}, ${withUnit(one.parameters, "")} parameters. ${machine.label}: ` +
    `${withUnit(peak, "FLOP/s")}, memory ${withUnit(machine.bandwidth, "B/s")}${memory} (${machine.source}).`
  );
}

function statusWords(now, { machine, cost, peak }, allowed) {
  const bound =
    cost.roof < peak
      ? `moving data alone keeps it below ${allowed} % of the peak`
      : "by the roofline, moving data would not slow it";
  return (
    `${thousands(now.pictures)} images (${epochWords(now.pictures)}) on ${onWords(now.devices, machine)}: ` +
    `at least ${duration(cost.floor_seconds)}, ${duration(cost.seconds)} at ${now.share} % of the peak; ${bound}.`
  );
}

function heldWords({ cost, fits }) {
  return (
    `A device holds ${withUnit(cost.memory_bytes, "B")}: ${withUnit(cost.state_bytes, "B")} of weights, gradients, ` +
    `moments and EMA in fp32, ${withUnit(cost.activation_bytes, "B")} of activations.${fits ? " It fits." : ""}`
  );
}

function troublesOf(now, { machine, cost, peak, fits }, allowed) {
  const troubles = [];
  if (fits === false) {
    const [needed, there] = [cost.memory_bytes, machine.memory].map((v) => withUnit(v, "B"));
    const remedy = "Take a smaller batch or fewer bits.";
    troubles.push(`It does not fit: ${needed} are needed, the ${machine.label} has ${there}. ${remedy}`);
  }
  if (now.share > (100 * cost.roof) / peak) {
    troubles.push(`${now.share} % of the peak is out of reach: memory feeds the arithmetic at ${allowed} % of it.`);
  }
  return troubles;
}

function rooflineWords({ machine, cost, peak }) {
  return (
    `Roofline of ${machine.label}: memory allows ${withUnit(machine.bandwidth, "B/s")}, arithmetic ` +
    `${withUnit(peak, "FLOP/s")}. A step does ${Math.round(cost.intensity)} FLOP a byte: ` +
    `at most ${withUnit(cost.roof, "FLOP/s")}`
  );
}

export function wordsOf(now, facts) {
  const { one, machine, cost, peak } = facts;
  const allowed = Math.round((100 * cost.roof) / peak);
  const status = statusWords(now, facts, allowed);
  const troubles = troublesOf(now, facts, allowed);
  const whole = machine.memory === null ? ", of unknown" : ` of ${withUnit(machine.memory, "B")}`;
  return {
    ...{ tiles: tileWords(now, facts), source: sourceWords(facts), status, roofline: rooflineWords(facts) },
    ...{ answer: answerWords(facts), more: moreWords(now), warning: troubles.join(" ") },
    spoken: [...troubles, status, heldWords(facts)].join(" "),
    flops: `${withUnit(one.flops, "FLOP")} forward`,
    parameters: withUnit(one.parameters, ""),
    memory: `${withUnit(cost.memory_bytes, "B")}${whole}`,
  };
}
