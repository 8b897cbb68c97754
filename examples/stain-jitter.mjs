// An augmentation: slides of tissue are dyed, and no two laboratories dye alike. The colours of a picture are taken apart
// into the two dyes, each made stronger or weaker, and put together again.
//
// It runs in the loader's threads, which load plain JavaScript: hence types in comments.
import { requireOption } from "@sitjs/core/errors";

/**
 * Absorption of red, green and blue by haematoxylin, eosin and diaminobenzidine (Ruifrok and Johnston 2001), one row each.
 */
const STAINS = [
  [0.65, 0.7, 0.29],
  [0.07, 0.99, 0.11],
  [0.27, 0.57, 0.78],
];
const UNMIXING = inverse(STAINS);

/**
 * HED jitter (Tellez et al. 2018, "Whole-slide mitosis detection in H&E breast histology using PHH3 as a reference"): each
 * stain's amount times a factor uniform in [1 - strength, 1 + strength], plus a shift in [-strength, strength] / 10. Grey
 * images stay as they are.
 *
 * @param {{ strength?: number }} [options] strength from 0 to 1; default 0.2
 * @returns {import("@sitjs/augment").Transform}
 * @throws SitError "bad-option"
 */
export default function stainJitter({ strength = 0.2 } = {}) {
  requireOption(strength >= 0 && strength <= 1, "strength", "a number from 0 to 1", strength);
  return {
    name: "stainJitter",
    settings: { strength },
    apply(image, rng) {
      if (image.channels === 1) return image;
      const factors = STAINS.map(() => 1 + rng.between(-strength, strength));
      const shifts = STAINS.map(() => rng.between(-strength, strength) / 10);
      const bytes = !(image.data instanceof Float32Array);
      const [white, rounding] = bytes ? [255, 0.5] : [1, 0];
      const data = bytes ? new Uint8Array(image.data.length) : new Float32Array(image.data.length);
      for (let i = 0; i < data.length; i += 3) {
        // Optical density; a level of 0 would be infinitely dense.
        const density = [0, 1, 2].map((c) => -Math.log10(Math.max(image.data[i + c] / white, 1 / 255)));
        const stains = product(density, UNMIXING).map((amount, s) => amount * factors[s] + shifts[s]);
        const jittered = product(stains, STAINS);
        for (let c = 0; c < 3; c++) {
          const level = Math.min(1, Math.max(0, 10 ** -jittered[c]));
          data[i + c] = level * white + rounding;
        }
      }
      return { ...image, data };
    },
  };
}

/**
 * A row of three times a 3 x 3 matrix.
 * @param {number[]} row
 * @param {number[][]} matrix
 */
function product(row, matrix) {
  return [0, 1, 2].map((c) => row[0] * matrix[0][c] + row[1] * matrix[1][c] + row[2] * matrix[2][c]);
}

/**
 * By cofactors.
 * @param {number[][]} m
 */
function inverse(m) {
  const cofactor = (/** @type {number} */ r, /** @type {number} */ c) => {
    const [r1, r2, c1, c2] = [(r + 1) % 3, (r + 2) % 3, (c + 1) % 3, (c + 2) % 3];
    return m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1];
  };
  const determinant = [0, 1, 2].reduce((sum, c) => sum + m[0][c] * cofactor(0, c), 0);
  return [0, 1, 2].map((r) => [0, 1, 2].map((c) => cofactor(c, r) / determinant));
}
