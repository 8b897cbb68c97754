import * as tf from "@tensorflow/tfjs";
import { SitError } from "../errors.js";
import { withGradient } from "./gradient.js";
import { sumRows } from "./matmul.js";

/**
 * `offset` added to every sample of `x`: positions, or a bias on attention scores. The gradient of the offset is a
 * product with ones, since tfjs's sum over the batch of a broadcast addition is slow.
 *
 * @param x [batch, ...]
 * @param offset [...], shaped like one sample
 * @returns like x
 * @throws SitError "bad-shape" where `offset` is not shaped like a sample
 */
export function addToEach<T extends tf.Tensor>(x: T, offset: tf.Tensor): T {
  const [batch = 0, ...sample] = x.shape;
  if (offset.shape.join() !== sample.join()) {
    throw new SitError(
      "bad-shape",
      `addToEach: expected an offset of [${sample.join(", ")}], got [${offset.shape.join(", ")}]`,
    );
  }
  return withGradient<T>(
    [x, offset],
    () => ({ value: tf.add(x, offset) as T, save: [] }),
    (dy) => [
      tf.clone(dy),
      tf.reshape(sumRows(tf.reshape(dy, [batch, offset.size]) as tf.Tensor2D), offset.shape),
    ],
  );
}
