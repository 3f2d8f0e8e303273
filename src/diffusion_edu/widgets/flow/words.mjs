// What <flow-explorer> says.
import { number } from "../kit/numbers.mjs";

export const SPEEDS = [
  ["12", "slow"],
  ["6", "normal"],
  ["3", "fast"],
]; // seconds from one end to the other
export const OWN_SHAPES = [
  ["typed", "letters you type"],
  ["drawn", "draw your own"],
];
export const HINT = "No pointer? Choose “letters you type”.";
export const LETTERS = 12;
export const LETTERS_HINT = `at most ${LETTERS} letters`;
export const FORWARD_HINT =
  "In one draw: each point has one noise, and t says how much of it is in. Step by step: each step adds its own.";
export const NOTE =
  "Gray dots: the data. No network here: an oracle, which knows all the data, computes for every point the exact " +
  "mean of the x₀ that it may have come from. η = 0 is DDIM, η = 1 is DDPM.";
export const EMPTY_PLANE = {
  typed: "Type some letters",
  drawn: "Draw a shape here,\nwith mouse, pen or finger",
};
const EMPTY = {
  typed: "Type one or more letters: they become the shape.",
  drawn: "Draw a shape with one or more strokes: they become the data.",
};

export const stepsWords = (n) => `${n} step${n === 1 ? "" : "s"}`;

function wayWords({ direction, forward, steps, eta, start, start_t }) {
  if (direction === "noise") {
    return forward === "walk"
      ? `To noise in ${stepsWords(steps)}${steps > 1 ? ", new noise in each" : ""}.`
      : "To noise in one draw: each point keeps its noise.";
  }
  const from = start === "data" ? `the shape noised to t = ${start_t}` : "fresh noise";
  return `Back to data: ${stepsWords(steps)}, η = ${eta}, from ${from}.`;
}

// end: the step at which the way ends.
export function wordsOf(facts, end) {
  const { t, n, shape, direction, ready } = facts;
  if (!n) return { empty: EMPTY[shape], spoken: EMPTY[shape] };
  const share = Math.round(100 * facts.noise_share);
  const way = wayWords(facts);
  const arrived = direction === "back" ? " Done: these are new points." : " Nothing of the shape can be seen.";
  const done = t === end && ready ? arrived : "";
  const working = ready ? "" : " The oracle is still computing.";
  const [distance, data, noise] = [facts.distance, facts.distance_data, facts.distance_noise].map((v) => number(v));
  const spread = number(facts.std, 2);
  const spoken = `t = ${t}, ${share} percent noise. ${way} Mean distance to the shape ${distance}.${done}${working}`;
  return {
    ...{ empty: "", distance, spoken },
    share: `${share} % noise`,
    now: `. ${way}${done}${working} `,
    others: ` (data ${data}, noise ${noise}). Standard deviation ${spread}.`,
    plane: `${n} points in the plane at ${spoken}`,
  };
}
