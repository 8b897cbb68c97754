import { disposeParams, type Params, SitError } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";

/**
 * Copies of the given parameters in place of fresh ones, which are disposed.
 * @throws SitError "bad-parameters" that names each parameter that is missing or has another shape
 */
export function adopt(fresh: Params, given: Params): Params {
  const wrong = Object.entries(fresh).flatMap(([name, tensor]) => {
    const other = given[name];
    if (other === undefined) return [`${name} missing`];
    if (other.shape.join() === tensor.shape.join()) return [];
    return [`${name} expected [${tensor.shape.join(", ")}], got [${other.shape.join(", ")}]`];
  });
  const names = Object.keys(fresh);
  disposeParams(fresh);
  if (wrong.length > 0) throw new SitError("bad-parameters", `pretrained backbone: ${wrong.join("; ")}`);
  return Object.fromEntries(names.map((name) => [name, tf.clone(given[name] as tf.Tensor)]));
}
