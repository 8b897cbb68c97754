import { randomStream } from "@sitjs/core/random";
import type { LabelledFeatures } from "@sitjs/eval";
import { type LabelledPoint, projectEmbeddings } from "@sitjs/eval/report";

export type { LabelledPoint };

/** Feature vectors as plain data: row by row, with labels. */
export interface DrawnFeatures {
  /** [rows x size] */
  readonly features: Float32Array;
  readonly size: number;
  readonly labels: readonly number[];
}

/** `count` of the feature vectors, drawn by the seed. */
export function drawnFeatures(
  { features, size, labels }: LabelledFeatures,
  { count, seed }: { count: number; seed: number },
): DrawnFeatures {
  const order = randomStream(seed, "projection").permutation(labels.length).subarray(0, count);
  const drawn = new Float32Array(order.length * size);
  for (const [i, row] of order.entries()) {
    drawn.set(features.subarray(row * size, (row + 1) * size), i * size);
  }
  return { features: drawn, size, labels: Array.from(order, (row) => labels[row] as number) };
}

/** Places of feature vectors in the plane (t-SNE), with their labels. */
export function projection(
  { features, size, labels }: DrawnFeatures,
  { seed }: { seed: number },
): LabelledPoint[] {
  const vectors = labels.map((_, row) => features.subarray(row * size, (row + 1) * size));
  const points = projectEmbeddings(vectors, { method: "tsne", seed });
  return points.map(([x, y], i) => [x, y, labels[i] as number]);
}
