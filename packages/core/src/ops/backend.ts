import * as tf from "@tensorflow/tfjs";

/** True where the backend in use has a kernel of that name: the engine registers the fused ones. */
export function hasKernel(name: string): boolean {
  return tf.getKernel(name, tf.getBackend()) != null;
}

/** True where the backend in use has all these kernels and the tensors are what they take: float32, no other type. */
export function canFuse(kernels: readonly string[], tensors: readonly (tf.Tensor | undefined)[]): boolean {
  return (
    kernels.every(hasKernel) && tensors.every((tensor) => tensor === undefined || tensor.dtype === "float32")
  );
}

/** Runs a registered kernel outside the gradient tape (use inside `tf.customGrad`). */
export function runKernel(
  name: string,
  inputs: Readonly<Record<string, tf.Tensor>>,
  attrs: Readonly<Record<string, number | boolean | string>> = {},
): tf.Tensor[] {
  const result = tf.engine().runKernel(name, { ...inputs }, { ...attrs }) as tf.Tensor | tf.Tensor[];
  return Array.isArray(result) ? result : [result];
}

/** True where what is computed now may be differentiated later: only then is it worth keeping intermediate values. */
export function gradientsWanted(): boolean {
  return tf.engine().state.gradientDepth > 0;
}

/** `tf.tidy` for results of any type: tensors anywhere inside the result survive, all others made by `work` go. */
export function tidy<T>(work: () => T): T {
  return tf.tidy(work as () => tf.TensorContainer) as T;
}

/** True where no other tensor shares the memory of this one, as far as tfjs knows. */
export function holdsAlone(tensor: tf.Tensor): boolean {
  return tf.engine().backend.refCount(tensor.dataId) === 1;
}
