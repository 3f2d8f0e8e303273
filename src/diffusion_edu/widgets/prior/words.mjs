// What <prior-cloud> says.
import { number, thousands } from "../kit/numbers.mjs";
import { TEXT, TRUE } from "./facts.mjs";

export const CAPTION = "Caption";
export const GUIDANCE = "Guidance of the priors";
export const LEGEND = "Decoded from the embedding of";
export const PLANE = "Plane of the first two principal components; a tap chooses the nearest point";
export const HINT = "Tap a point of the plane, or choose a small image by touch or arrow keys.";

const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
const cosineWords = (cosine) => number(cosine, 2);

// "true image", "text", "diffusion prior", ...
export const sortName = ({ priors }, sort) =>
  sort === TRUE ? "true image" : sort === TEXT ? "text" : priors[sort - 2];
export const pointName = (data, { sort, seed }) => sortName(data, sort) + (seed === null ? "" : `, seed ${seed}`);
export const pointWords = (data, p) => `${pointName(data, p)}: cosine ${cosineWords(p.cosine)}`;

export function axisWords({ shares }) {
  return [
    `first principal component, ${percent(shares[0])} of the variance`,
    `second principal component, ${percent(shares[1])} of the variance`,
  ];
}

// Under the image that the decoder draws.
export function drawnWords(data, { chosen }) {
  if (chosen.sort === TRUE) return "decoded from the true image’s own embedding";
  const seed = chosen.sort === TEXT ? "" : ` (seed ${chosen.seed})`;
  return `decoded from the ${sortName(data, chosen.sort)}’s embedding${seed}, cosine ${cosineWords(chosen.cosine)}`;
}

function meansWords({ priors }, { text, priors: means }) {
  const parts = priors.map((name, k) => `${name} ${cosineWords(means[k])}`);
  return `${parts.join(", ")}, text ${cosineWords(text)}`;
}

const seedsWords = (n) => (n === 1 ? "one seed" : `${n} seeds`);

export function noteOf(data) {
  const [first, second] = data.shares.map(percent);
  return (
    `Gray: the embeddings of ${thousands(data.count)} training images. The axes hold ${first} and ${second} of their ` +
    "variance, so points that lie side by side here can be far apart in the other directions; the cosines are those " +
    "of the whole embeddings. The decoder starts from the same noise for every image. Images are stored with a loss."
  );
}

export function wordsOf(data, facts) {
  const { chosen, mean, mean_all: all, guidance } = facts;
  const many = data.captions.length;
  const over = `Mean cosine to the true embedding (guidance ${guidance}, ${seedsWords(data.n)} of each prior): `;
  const others = many > 1 ? ` Over all ${many} captions: ${meansWords(data, all)}.` : "";
  const one = pointWords(data, chosen);
  return {
    one,
    means: `${over}${meansWords(data, mean)}.`,
    others,
    drawn: drawnWords(data, facts),
    trueImage: "true image",
    trueLabel: `true image of “${facts.text}”`,
    drawnLabel: `image ${drawnWords(data, facts)}`,
    plane: `${PLANE}. ${facts.points.length} points of “${facts.text}”; chosen: ${one}`,
    spoken: `“${facts.text}”, ${one}. Mean cosines: ${meansWords(data, mean)}.`,
  };
}
