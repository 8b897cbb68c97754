import * as tf from "@tensorflow/tfjs";

/**
 * Lets the loaded kernels know how many references TensorFlow counts for memory that one tensor holds alone: from then
 * on they overwrite such memory where they are asked to. (More than one: its handle has one more for protection.) Where
 * the counts do not tell such memory from memory with a view, nothing is ever overwritten.
 *
 * @returns that number, or 0 where nothing will be overwritten
 */
export function measureHolders(): number {
  return tf.tidy(() => {
    // Results of operations: a tensor made of an array lies in that array.
    const made = (): tf.Tensor[] => [
      tf.fill([3], 2),
      tf.exp(tf.fill([2, 2], 1)),
      tf.matMul(tf.fill([4, 4], 1), tf.fill([4, 4], 1)),
    ];
    const [alone, viewed] = [made(), made()];
    const views = viewed.map((tensor) => tf.reshape(tensor, [-1]));
    const counts = holders(alone, 0);
    const one = counts[0] as number;
    const told = counts.every((count) => count === one) && holders(viewed, 0).every((count) => count > one);
    for (const view of views) view.dispose();
    if (told) holders(alone, one);
    return told ? one : 0;
  });
}

/** The holders of each tensor's memory; `one` is what they will be taken to be where there is one alone. */
function holders(tensors: tf.Tensor[], one: number): number[] {
  const inputs = Object.fromEntries(tensors.map((tensor, i) => [`tensor ${i}`, tensor]));
  const [counts] = tf.engine().runKernel("SitHolders", inputs, { one }) as unknown as [tf.Tensor];
  return [...counts.dataSync()];
}
