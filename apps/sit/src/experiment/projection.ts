import { randomStream } from "@sitjs/core/random";
import type { LabelledFeatures } from "@sitjs/eval";
import { type LabelledPoint, projectEmbeddings } from "@sitjs/eval/report";

export type { LabelledPoint };

/** Places of `count` of the feature vectors, drawn by the seed, in the plane (t-SNE); with their labels. */
export function projection(
  { features, size, labels }: LabelledFeatures,
  { count, seed }: { count: number; seed: number },
): LabelledPoint[] {
  const order = randomStream(seed, "projection").permutation(labels.length).subarray(0, count);
  const vectors = Array.from(order, (row) => features.subarray(row * size, (row + 1) * size));
  const points = projectEmbeddings(vectors, { method: "tsne", seed });
  return points.map(([x, y], i) => [x, y, labels[order[i] as number] as number]);
}
