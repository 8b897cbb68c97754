import * as tf from "@tensorflow/tfjs";

/**
 * The mean of the square of `side` values around each value, of fewer at the borders: average pooling with a stride of 1.
 * Made of sums of shifted copies, since the wasm backend's gradient of average pooling is wrong where squares overlap.
 *
 * @param x [batch, rows, columns, channels]
 * @param side odd
 */
export function boxMean(x: tf.Tensor4D, side: number): tf.Tensor4D {
  const reach = (side - 1) / 2;
  const along = (values: tf.Tensor, axis: 1 | 2): tf.Tensor => {
    const length = values.shape[axis] as number;
    const edges = [0, 1, 2, 3].map((of) => (of === axis ? [reach, reach] : [0, 0])) as [number, number][];
    const padded = tf.pad(values, edges);
    const size = values.shape;
    const shifted = Array.from({ length: side }, (_, shift) => {
      const begin = [0, 0, 0, 0];
      begin[axis] = shift;
      return tf.slice(padded, begin, size);
    });
    const counts = Array.from(
      { length },
      (_, i) => Math.min(length - 1, i + reach) - Math.max(0, i - reach) + 1,
    );
    return tf.div(tf.addN(shifted), tf.tensor(counts, axis === 1 ? [length, 1, 1] : [length, 1]));
  };
  return tf.tidy(() => along(along(x, 1), 2)) as tf.Tensor4D;
}
