import * as core from "@sitjs/core";

/** `withPrecision` of the core; a core that has none computes in float32 only. */
export const withPrecision =
  /** @type {any} */ (core).withPrecision ??
  ((precision, work) => {
    if (precision !== "float32")
      throw new Error(`precision: expected "float32", got ${JSON.stringify(precision)}`);
    return work();
  });
