import { linear, tidy, withPrecision } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";

/**
 * GFLOP/s of the engine's fastest matrix product.
 *
 * @param {import("@sitjs/core").Precision} precision
 * @param {readonly (readonly [rows: number, inner: number, columns: number])[]} sizes
 * @param {number} seconds for each size
 */
export function fastestProduct(precision, sizes, seconds = 0.25) {
  let best = 0;
  for (const [rows, inner, columns] of sizes) {
    tidy(() => {
      const [x, weight] = [tf.randomNormal([rows, inner]), tf.randomNormal([columns, inner])];
      const multiply = () => withPrecision(precision, () => linear(x, weight)).dispose();
      multiply();
      const end = performance.now() + 1e3 * seconds;
      let begin = performance.now();
      while (begin < end) {
        multiply();
        const now = performance.now();
        best = Math.max(best, (2e-6 * rows * inner * columns) / (now - begin));
        begin = now;
      }
    });
  }
  return best;
}
