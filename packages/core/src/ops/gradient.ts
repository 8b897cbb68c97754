import * as tf from "@tensorflow/tfjs";

/**
 * An operation with its own gradient. `forward` runs outside the tape; what it lists under `save` is kept for
 * `backward`, which returns one gradient per input, in their order.
 */
export function withGradient<T extends tf.Tensor>(
  inputs: readonly tf.Tensor[],
  forward: () => { readonly value: T; readonly save: readonly tf.Tensor[] },
  backward: (dy: T, saved: readonly tf.Tensor[]) => tf.Tensor[],
): T {
  return tf.customGrad<T>((...args) => {
    const save = args[args.length - 1] as (tensors: tf.Tensor[]) => void;
    const { value, save: tensors } = forward();
    save([...tensors]);
    return {
      value,
      gradFunc: (dy: T, saved: tf.Tensor[]) => tf.tidy(() => backward(dy, saved)),
    };
  })(...inputs);
}
