// Random numbers that any language can draw: the twin of noise.py beside it.

/** @param {number} x */
function mix32(x) {
  x = Math.imul(x ^ (x >>> 17), 0xed5ad4bb);
  x = Math.imul(x ^ (x >>> 11), 0xac4c1b51);
  x = Math.imul(x ^ (x >>> 15), 0x31848bab);
  return (x ^ (x >>> 14)) >>> 0;
}

// Counter-based: word i of a seed needs no state, so any language can give the same numbers.
// word(i) = mix(mix(i) xor mix(seed + 0x9e3779b9)), mix being the integer hash "triple32".
/**
 * @param {number} key
 * @param {number} i
 */
export function word(key, i) {
  return mix32(mix32(i) ^ key);
}

// n standard normal numbers: 53-bit uniforms from two words each, then Box-Muller in pairs. `first` (even) skips as
// many numbers of the same seed, so that one seed can give noise again and again.
/**
 * @param {number} seed
 * @param {number} n
 * @param {number} first
 */
export function gaussian(seed, n, first = 0) {
  const key = mix32((seed + 0x9e3779b9) | 0);
  const uniform = (/** @type {number} */ j) => {
    const i = first + j;
    return ((word(key, 2 * i) >>> 5) * 67108864 + (word(key, 2 * i + 1) >>> 6)) / 9007199254740992;
  };
  const out = new Float64Array(n);
  for (let i = 0; i < n; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform(i)));
    const angle = 2 * Math.PI * uniform(i + 1);
    out[i] = radius * Math.cos(angle);
    if (i + 1 < n) out[i + 1] = radius * Math.sin(angle);
  }
  return out;
}

/** @type {(seed: number, stream: number) => number} */
export const streamSeed = (seed, stream) => (seed + 1000003 * stream) % 2147483648;
