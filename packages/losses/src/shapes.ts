import { SitError } from "@sitjs/core/errors";
import type * as tf from "@tensorflow/tfjs";

/** Throws `SitError("bad-shape")` unless `ok`: `argument: expected …, got [shape]`. */
export function requireShape(ok: boolean, argument: string, expected: string, got: tf.Tensor): void {
  if (ok) return;
  throw new SitError("bad-shape", `${argument}: expected ${expected}, got [${got.shape.join(", ")}]`);
}

/** Rows of [view 1; view 2]: checks the rank and that both views have as many images; returns how many. */
export function imagesOfTwoViews(argument: string, embeddings: tf.Tensor): number {
  const rows = embeddings.shape[0] ?? 0;
  requireShape(
    embeddings.rank === 2 && rows > 0 && rows % 2 === 0,
    argument,
    "[2 x images, features], view 1 above view 2",
    embeddings,
  );
  return rows / 2;
}
