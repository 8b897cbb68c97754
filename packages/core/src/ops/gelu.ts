import * as tf from "@tensorflow/tfjs";
import { canFuse, runKernel } from "./backend.js";
import { withGradient } from "./gradient.js";

/** The exact Gaussian error linear unit `x Φ(x)` (Hendrycks and Gimpel 2016), by erf and not by tanh. */
export function gelu(x: tf.Tensor): tf.Tensor {
  const fused = canFuse(["SitGelu", "SitGeluGrad"], [x]);
  return tf.tidy(() =>
    withGradient(
      [x],
      () => {
        if (fused) return { value: runKernel("SitGelu", { x })[0] as tf.Tensor, save: [x] };
        const cumulative = tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);
        return { value: tf.mul(x, cumulative), save: [x, cumulative] };
      },
      (dy, saved) => {
        const [savedX, cumulative] = saved as [tf.Tensor, tf.Tensor];
        if (fused) return runKernel("SitGeluGrad", { dy, x: savedX });
        const density = tf.mul(tf.exp(tf.mul(tf.square(savedX), -0.5)), 1 / Math.sqrt(2 * Math.PI));
        return [tf.mul(dy, tf.add(cumulative, tf.mul(savedX, density)))];
      },
    ),
  );
}
