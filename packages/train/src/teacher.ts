import {
  flatLayout,
  flatten,
  hasKernel,
  holdsAlone,
  isBuffer,
  type Params,
  param,
  pick,
  runKernel,
  tidy,
  unflatten,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { numbered } from "./numbered.js";

/**
 * The momentum update `teacher x momentum + student x (1 - momentum)` of all trained parameters; buffers stay the
 * teacher's own (they come from its own forward passes).
 *
 * @param options.overwrite the caller gives the teacher's parameters up: their memory may become the result's, where no
 *   other tensor shares it (default false)
 * @returns the teacher's new trained parameters; new tensors that belong to the caller
 */
export function momentumUpdate(
  teacher: Params,
  student: Params,
  momentum: number,
  { overwrite = false }: { overwrite?: boolean } = {},
): Params {
  const trained = pick(teacher, (name) => !isBuffer(name));
  const layout = flatLayout(trained);
  if (hasKernel("SitMomentum")) {
    return tidy(() => {
      const { names } = layout;
      const inputs = {
        ...numbered("teacher", names, trained),
        ...numbered("student", names, student),
        weights: tf.tensor1d([momentum, 1 - momentum]),
      };
      const outputs = runKernel("SitMomentum", inputs, {
        overwrite: overwrite && Object.values(trained).every(holdsAlone),
      });
      return Object.fromEntries(names.map((name, i) => [name, outputs[i] as tf.Tensor]));
    });
  }
  const follow = Object.fromEntries(layout.names.map((name) => [name, param(student, name)]));
  return tf.tidy(() => {
    const next = tf.add(
      tf.mul(flatten(trained, layout), momentum),
      tf.mul(flatten(follow, layout), 1 - momentum),
    ) as tf.Tensor1D;
    return unflatten(next, layout);
  });
}
