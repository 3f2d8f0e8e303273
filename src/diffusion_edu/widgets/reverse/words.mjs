// What <reverse-player> says.
import { number } from "../kit/numbers.mjs";

export const SPEEDS = [
  ["16", "slow"],
  ["8", "normal"],
  ["4", "fast"],
]; // seconds for a whole run

export const noteOf = ({ levels_t, levels_0, seeds }) =>
  `Stored images: ${levels_t} gray levels for x_t, ${levels_0} for the estimate, −1 (black) to 1 (white), ` +
  `clipped beyond. Every run${seeds.length > 1 ? " of a seed" : ""} starts from the same noise. ` +
  "A typed t goes to the nearest stored one.";

export const stateWords = ({ step, steps, t }) => `step ${step} of ${steps}, t = ${t}`;

// The facts of the state on show, and of the one beside it, if any.
/** @param {any[]} shown */
export function wordsOf([first, other]) {
  const share = Math.round(100 * first.noise_share);
  const start = first.step === 0 ? " The start: pure noise." : "";
  const end = first.t === 0 ? " Done: x_0 is the sample." : start;
  const also = other ? ` Beside it ${other.label}: ${stateWords(other)}.` : "";
  return {
    state: stateWords(first),
    share: ` = ${share} %, signal ${number(first.signal)}, noise ${number(first.noise)}. `,
    moments: `: mean ${number(first.mean, 2)}, standard deviation ${number(first.std, 2)}.${end}${also}`,
    spoken: `${first.label}, ${stateWords(first)}: ${share} percent noise.${end}${also}`,
  };
}
