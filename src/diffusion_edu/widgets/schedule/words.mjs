// What <schedule-explorer> says.
import { number } from "../kit/numbers.mjs";

export const HINT = "Drag the circles in the first chart up and down, or move to one with Tab and use the arrow keys.";

const percent = (x) => (100 * x < 0.1 ? "under 0.1" : number(100 * x, 100 * x < 10 ? 1 : 0)) + " %";

// What the end of the schedule means for training and sampling.
function endWords({ T, kind, alpha_bar_T: end, crossing, enough }) {
  const left = Math.sqrt(end);
  const half =
    crossing > T
      ? "Noise never outweighs the signal. "
      : `From t = ${crossing} on (${Math.round((100 * crossing) / T)} % of the steps) there is more noise than ` +
        `signal. `;
  if (!enough) {
    return (
      `x_T still holds ${percent(left)} of the image’s amplitude (ᾱ_T = ${number(end)}, not below 0.01). ` +
      "Training then never shows the network pure noise, but sampling starts from it: the mean of the noise is read " +
      "as the brightness of an image, and samples can come out washed out or blotched. " +
      `${kind === "cosine" ? "" : "Raise β_T, or scale β by 1000 / T. "}${half}`
    );
  }
  const price =
    `There is a price: recovering x_0 from the predicted noise divides by √ᾱ_T = ${number(left)}, so an error of the ` +
    `predicted noise grows ${number(1 / left, 0)}-fold at T. Clip x_0, or predict v. `;
  return (
    `x_T is almost pure noise: ${percent(left)} of the image’s amplitude is left ` +
    `(ᾱ_T = ${number(end)}, below 0.01). Sampling may start from pure noise. ${end < 1e-6 ? price : ""}${half}`
  );
}

// names: of the schedule that is drawn, and of the one to compare with.
export function wordsOf(facts, label, strip, names) {
  const { t, T, beta, alpha_bar, snr, snr_db, message, enough } = facts;
  const endless = snr === Infinity;
  const db = endless ? "∞" : `${number(snr_db, 1)} dB`;
  const verdict = message ? `No such schedule: ${message}. The curves show the last valid one.` : endWords(facts);
  const at = (name, value) => `${name} at each step; ${number(value, 4)} at t = ${t}`;
  const end = `At T alpha bar is ${number(facts.alpha_bar_T)}: ${enough ? "small enough" : "too large"}.`;
  return {
    markers: { beta: number(beta, 4), alphaBar: number(alpha_bar), snr: db },
    charts: {
      beta: at("beta", beta),
      alphaBar: at("alpha bar", alpha_bar),
      snr: `signal-to-noise ratio in dB at each step; ${db} at t = ${t}`,
    },
    now: `signal ${number(facts.signal)}, noise ${number(facts.noise)}, SNR ${number(snr)}`,
    ratio: endless ? "." : ` (${db}).`,
    reference: names[1],
    rows: [names[0], `${names[1]} (dashed)`],
    strips: names.map((name) => `${label} at ${strip} steps from t = 0 to T = ${T}, schedule ${name}, the same noise`),
    verdict,
    sign: message ? "✗ " : enough ? "✓ " : "! ",
    spoken: message
      ? verdict.replace(/β_/g, "beta ")
      : `t = ${t}: beta ${number(beta, 4)}, alpha bar ${number(alpha_bar)}. ${end}`,
  };
}
