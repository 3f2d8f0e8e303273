// The numbers of <cascade-player>. No page needed.

export const SHARED = ["prompt", "seed", "level", "frame"];

/**
 * All that travelled with the page, made ready.
 * @param {any} data
 */
export function unpacked(data) {
  if (!data.networks?.length || !data.networks.every(({ t, sheet }) => t?.length && sheet)) {
    throw new Error("the stored runs cannot be read");
  }
  const seeds = data.traits.seed.choices.map(([name]) => name);
  const names = data.traits.level.choices.map(([name]) => name);
  const levels = data.levels.map(([s, signal, noise]) => ({ s, signal, noise, share: noise ** 2 }));
  return { ...data, seeds, names, levels };
}

export const framesOf = ({ networks }) => networks.reduce((sum, { t }) => sum + t.length, 0);

// The first state of a network on the axis of all.
export const firstOf = ({ networks }, k) => networks.slice(0, k).reduce((sum, { t }) => sum + t.length, 0);

// A state of the axis: whose it is, and the how manieth of its states.
export function placeOf(data, frame) {
  let [network, state] = [0, frame];
  while (network < data.networks.length - 1 && state >= data.networks[network].t.length) {
    state -= data.networks[network].t.length;
    network += 1;
  }
  return { network, state };
}

// Where the images of a run stand in the sheet of a network: what it was told, if anything, then its states.
export function tilesOf(data, now, k) {
  const { t, told } = data.networks[k];
  const run = now.prompt * data.seeds.length + data.seeds.indexOf(now.seed);
  if (!told) return { told: -1, state: (f) => run * t.length + f };
  const first = (run * data.levels.length + data.names.indexOf(now.level)) * (1 + t.length);
  return { told: first, state: (f) => first + 1 + f };
}

/**
 * What is seen now: of each network its phase, the step t of the state shown, and its tiles (-1: none yet).
 * @param {any} now
 * @param {any} data
 */
export function factsOf(now, data) {
  const { network, state } = placeOf(data, now.frame);
  const networks = data.networks.map(({ t, side, reads, told }, k) => {
    const phase = k < network ? "done" : k > network ? "waits" : "runs";
    const own = { size: side, reads, told, phase };
    if (phase === "waits") return { ...own, t: null, tile: -1, told_tile: -1 };
    const f = phase === "done" ? t.length - 1 : state;
    const tiles = tilesOf(data, now, k);
    return { ...own, t: t[f], tile: tiles.state(f), told_tile: tiles.told };
  });
  const level = data.levels[data.names.indexOf(now.level)];
  const { size, t } = networks[network];
  const place = { network, state, states: data.networks[network].t.length, size, t };
  return { ...now, text: data.prompts[now.prompt], ...place, noise: level, networks };
}
