// Shapes made of points: along strokes drawn by hand, and from the ink of letters. No page needed.

// Mean distance of the points from the nearest centre, of `most` points at most.
export function distanceToShape(x, centres, most = Infinity) {
  const n = Math.min(x.length / 2, most);
  let sum = 0;
  for (let i = 0; i < 2 * n; i += 2) {
    let least = Infinity;
    for (let k = 0; k < centres.length; k += 2) {
      const d = (x[i] - centres[k]) ** 2 + (x[i + 1] - centres[k + 1]) ** 2;
      if (d < least) least = d;
    }
    sum += Math.sqrt(least);
  }
  return n ? sum / n : 0;
}

// K points evenly along strokes, each a flat list of places; a stroke that is a single place counts as a dot.
export function alongStrokes(strokes, K) {
  const pieces = [];
  for (const s of strokes) {
    if (s.length === 2) pieces.push([s[0], s[1], s[0], s[1], 0.02]);
    for (let i = 0; i + 3 < s.length; i += 2) {
      pieces.push([s[i], s[i + 1], s[i + 2], s[i + 3], Math.hypot(s[i + 2] - s[i], s[i + 3] - s[i + 1])]);
    }
  }
  const length = pieces.reduce((sum, p) => sum + p[4], 0);
  const out = new Float64Array(2 * K);
  let [piece, before] = [0, 0];
  for (let k = 0; k < K; k++) {
    const place = ((k + 0.5) / K) * length;
    while (piece < pieces.length - 1 && before + pieces[piece][4] < place) before += pieces[piece++][4];
    const [x, y, u, v, size] = pieces[piece];
    const share = size ? Math.min(1, (place - before) / size) : 0;
    out.set([x + share * (u - x), y + share * (v - y)], 2 * k);
  }
  return out;
}

// K inked pixels, centred, with a variance of 1 on average; ink: flat x, y with y downwards. Strides of the golden
// ratio through the list of pixels leave no part of it out and take none twice.
export function fromInk(ink, K) {
  const n = ink.length / 2;
  const out = new Float64Array(2 * K);
  for (let k = 0; k < K; k++) {
    const p = 2 * Math.floor(((k * 0.6180339887498949) % 1) * n);
    out.set([ink[p], -ink[p + 1]], 2 * k);
  }
  return standardise(out);
}

function standardise(points) {
  const mean = [0, 1].map((c) => points.reduce((sum, v, i) => sum + (i % 2 === c ? v : 0), 0) / (points.length / 2));
  const centred = points.map((v, i) => v - mean[i % 2]);
  const scale = Math.sqrt(centred.reduce((sum, v) => sum + v * v, 0) / points.length) || 1;
  return centred.map((v) => v / scale);
}
