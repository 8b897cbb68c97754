import * as tf from "@tensorflow/tfjs";

/** How many tensors more there are after `work` than before; 0 where it leaves nothing behind. */
export async function leakedTensors(work: () => unknown | Promise<unknown>): Promise<number> {
  const before = tf.memory().numTensors;
  await work();
  return tf.memory().numTensors - before;
}
