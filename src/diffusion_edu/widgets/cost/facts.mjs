// The numbers of <cost-explorer>. No page needed.
import { trainingCost } from "../maths/cost.mjs";

export const SHARED = ["network", "side", "batch", "pictures", "machine", "precision", "share", "devices"];
const EPOCH = 50000; // images of CIFAR-10's training set

export function checkData(data) {
  for (const [name, table] of [
    ["network", data.networks],
    ["machine", data.machines],
  ]) {
    if (Object.hasOwn(table, data[name])) continue;
    throw new Error(`${name} must be one of ${Object.keys(table).join(", ")}, got ${data[name]}`);
  }
}

// The network at the side chosen, the machine, what training costs, and whether it fits (null: the memory is unknown).
export function factsOf(now, data) {
  const [network, machine] = [data.networks[now.network], data.machines[now.machine]];
  const one = network.sides[now.side];
  const cost = trainingCost(one, machine, data.model, { ...now, share: now.share / 100 });
  return {
    ...{ network, one, machine, cost, peak: machine.peak[now.precision], copies: data.model.state_copies },
    fits: machine.memory === null ? null : cost.memory_bytes <= machine.memory,
    epochs: now.pictures / EPOCH,
  };
}

export const epochsOf = (pictures) => pictures / EPOCH;
