// Classifier-free guidance of raw predictions, as the package's guidance.py has it.

// u + w (c - u): w = 1 is c and w = 0 is u, to the last bit.
/**
 * @param {ArrayLike<number>} c
 * @param {ArrayLike<number>} u
 * @param {number} w
 */
export function guide(c, u, w) {
  if (w === 1) return c;
  if (w === 0) return u;
  return Float64Array.from(u, (v, i) => v + w * (c[i] - v));
}
