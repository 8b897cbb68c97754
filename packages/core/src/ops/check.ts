import { SitError } from "../errors.js";

interface Shaped {
  readonly shape: readonly number[];
}

/** Throws "bad-shape" unless `tensor`, where there is one, has exactly that shape. */
export function requireShape(
  what: string,
  option: string,
  tensor: Shaped | undefined,
  shape: readonly number[],
): void {
  if (tensor !== undefined && tensor.shape.join() !== shape.join()) {
    throw new SitError(
      "bad-shape",
      `${what}: expected ${option} to be [${shape.join(", ")}], got [${tensor.shape.join(", ")}]`,
    );
  }
}
