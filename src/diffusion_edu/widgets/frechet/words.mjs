// What <frechet-explorer> says.
import { number } from "../kit/numbers.mjs";

// Of the five numbers of a Gaussian: role, what stands over the box, and what a screen reader says.
export const NUMBERS = [
  ["x", "x", "center x"],
  ["y", "y", "center y"],
  ["along", "spread 1", "standard deviation along the first axis"],
  ["across", "spread 2", "standard deviation along the second axis"],
  ["turn", "turn °", "turn of the first axis in degrees"],
];
/**
 * Of the three handles: the axis that it moves (-1: the centre), role, and what a screen reader says.
 * @type {[number, string, string][]}
 */
export const HANDLES = [
  [0, "first", "end of the first axis: up and down change its length, left and right turn it"],
  [1, "second", "end of the second axis: up and down change its length, left and right turn it"],
  [-1, "centre", "center: arrow keys move it"],
];
export const HINT =
  "Drag a center, or the ends of an axis to stretch and turn; or use Tab and the arrow keys, with Shift for " +
  "small steps. Ellipses: 1 and 2 standard deviations.";
export const BOXES = "The same in numbers";

// What the two parts say.
function verdict({ mean_term, covariance_term, distance }) {
  if (distance < 5e-3) return "The two Gaussians are equal: in center, in spread and in tilt.";
  if (covariance_term < 5e-3) return "Same shape, different centers: all of the distance comes from the means.";
  if (mean_term < 5e-3) return "Same center, different shape: all of the distance comes from the covariances.";
  return `${Math.round((100 * mean_term) / distance)} % of it comes from the centers, the rest from the shapes.`;
}

const termWords = (name, mean, covariance) => `${name}: means ${number(mean, 2)}, covariances ${number(covariance, 2)}`;

export function wordsOf(facts) {
  const { n, draws, estimates, estimate, average, distance } = facts;
  const [exact, mean, covariance] = [distance, facts.mean_term, facts.covariance_term].map((v) => number(v, 2));
  const off = estimate.distance - distance;
  const seen = `${number(estimate.distance, 2)} (${off < 0 ? "−" : "+"}${number(Math.abs(off), 2)})`;
  const others = draws > 1 ? ` Mean of ${draws} draws: ${number(average, 2)}.` : "";
  const points = `From n = ${n} points ${number(estimate.distance, 2)}.`;
  const spoken = `Distance ${exact}: means ${mean}, covariances ${covariance}. ${points}${others}`;
  const range = `from ${number(Math.min(...estimates), 2)} to ${number(Math.max(...estimates), 2)}`;
  return {
    sum: `d² = ${exact}`,
    parts: ` = ${mean} (means) + ${covariance} (covariances). ${verdict(facts)}`,
    n: `n = ${n}`,
    seen: ` points of each: ${seen}.${others}`,
    plane: `Real (blue) and generated (orange) points and ellipses. ${spoken}`,
    exactBar: termWords("exact", facts.mean_term, facts.covariance_term),
    drawBar: termWords("this draw", estimate.mean, estimate.covariance),
    dots: `${estimates.length} draws: mean ${number(average, 2)}, ${range}; exact ${exact}`,
    spoken,
  };
}
