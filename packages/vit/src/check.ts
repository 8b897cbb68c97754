import { requireOption, SitError } from "@sitjs/core";
import type * as tf from "@tensorflow/tfjs";

/** Throws "bad-option" unless every value is a whole number of at least 1. */
export function requirePositive(options: Readonly<Record<string, number>>): void {
  for (const [option, value] of Object.entries(options)) {
    requireOption(Number.isSafeInteger(value) && value >= 1, option, "a whole number of at least 1", value);
  }
}

/** Throws "bad-shape" unless the tensor has the shape; -1 stands for any size. */
export function requireShape(what: string, tensor: tf.Tensor, shape: readonly number[]): void {
  const fits =
    tensor.rank === shape.length && shape.every((side, axis) => side === -1 || side === tensor.shape[axis]);
  if (!fits) {
    const wanted = shape.map((side) => (side === -1 ? "any" : side)).join(", ");
    throw new SitError("bad-shape", `${what}: expected [${wanted}], got [${tensor.shape.join(", ")}]`);
  }
}
