import { PCA, TSNE, UMAP } from "@saehrimnir/druidjs";
import { requireOption, SitError } from "@sitjs/core/errors";
import { randomStream } from "@sitjs/core/random";

/** A vector's place on the picture: x and y, without a unit. */
export type ProjectedPoint = [x: number, y: number];

export interface ProjectionOptions {
  /** "tsne" keeps neighbourhoods best, in time n²; "umap" is several times as fast. */
  method: "tsne" | "umap";
  /** Any safe integer; the same seed and vectors give the same points. */
  seed: number;
  /**
   * What nearness means. "cosine" (default, as in k-NN) scales every vector to length 1 first;
   * "euclidean" takes the vectors as they are.
   */
  metric?: "cosine" | "euclidean";
  /** Vectors longer than this are first reduced by PCA; 0 leaves it out. Default 50. */
  pcaComponents?: number;
  /** t-SNE: effective number of neighbours, lowered where there are few vectors. Default 30. */
  perplexity?: number;
  /** UMAP: neighbours of a vector in the graph, lowered where there are few vectors. Default 15. */
  neighbors?: number;
  /** UMAP: smallest distance of two points in the picture, at least 0. Default 0.1. */
  minDistance?: number;
  /** Steps of the descent; default 500 for t-SNE, 350 for UMAP. */
  iterations?: number;
  /** Told now and then how many of the steps are done. */
  onProgress?: (progress: { iteration: number; iterations: number }) => void;
}

type Vectors = readonly ArrayLike<number>[];

const FEWEST_VECTORS = 8;

/**
 * Places vectors in the plane so that near neighbours stay near: `[n, dims] -> [n, 2]`.
 * 2,000 vectors of 128 numbers take some 3 s (UMAP) or 17 s (t-SNE) on one core.
 *
 * Papers: van der Maaten & Hinton 2008, "Visualizing Data using t-SNE";
 * McInnes et al. 2018, "UMAP", arXiv:1802.03426.
 *
 * @throws SitError "bad-option" for fewer than 8 vectors, unequal lengths and options out of range;
 *   "not-finite" for a vector with NaN or infinity.
 */
export function projectEmbeddings(vectors: Vectors, options: ProjectionOptions): ProjectedPoint[] {
  const { method, seed, metric = "cosine", pcaComponents = 50, onProgress } = options;
  const { perplexity = 30, neighbors = 15, minDistance = 0.1 } = options;
  const { iterations = method === "tsne" ? 500 : 350 } = options;
  requireOption(method === "tsne" || method === "umap", "method", '"tsne" or "umap"', method);
  requireOption(Number.isSafeInteger(seed), "seed", "an integer", seed);
  requireOption(metric === "cosine" || metric === "euclidean", "metric", '"cosine" or "euclidean"', metric);
  requireCount("pcaComponents", pcaComponents, 0);
  requireCount("iterations", iterations, 1);
  requireOption(perplexity > 1, "perplexity", "a number above 1", perplexity);
  requireCount("neighbors", neighbors, 2);
  requireOption(minDistance >= 0, "minDistance", "a number of at least 0", minDistance);
  checkVectors(vectors);

  // druid's generator takes an unsigned 32-bit seed; ours may be any safe integer.
  const druidSeed = randomStream(seed, "projection", method).integer(0, 2 ** 32);
  const rows = metric === "cosine" ? vectors.map(unitLength) : vectors.map((vector) => Array.from(vector));
  const width = rows[0]?.length ?? 0;
  const components = Math.min(pcaComponents, rows.length - 1);
  const reduced =
    pcaComponents > 0 && width > components
      ? (PCA.transform(rows, { d: components, seed: druidSeed }) as number[][])
      : rows;
  const descent = { method, perplexity, neighbors, minDistance, iterations, onProgress };
  return descend(reduced, druidSeed, descent).map((row) => [row[0] ?? 0, row[1] ?? 0]);
}

type DescentOptions = Pick<ProjectionOptions, "method" | "onProgress"> &
  Required<Pick<ProjectionOptions, "perplexity" | "neighbors" | "minDistance" | "iterations">>;

function descend(rows: number[][], seed: number, options: DescentOptions): number[][] {
  const { method, perplexity, neighbors, minDistance, iterations, onProgress } = options;
  const reduction =
    method === "tsne"
      ? new TSNE(rows, {
          // The paper's limit: a third of the other points at most.
          perplexity: Math.min(perplexity, (rows.length - 1) / 3),
          // A step that suits thousands of points throws a handful to infinity.
          epsilon: Math.min(100, Math.max(10, rows.length / 10)),
          seed,
        })
      : new UMAP(rows, {
          n_neighbors: Math.min(neighbors, rows.length - 1),
          min_dist: minDistance,
          seed,
        });
  const steps = reduction.generator(iterations);
  let points: number[][] = [];
  let iteration = 0;
  for (let step = steps.next(); ; step = steps.next()) {
    points = step.value as number[][];
    if (step.done) break;
    iteration++;
    if (onProgress && (iteration % 10 === 0 || iteration === iterations))
      onProgress({ iteration, iterations });
  }
  if (!points.every((point) => Number.isFinite(point[0]) && Number.isFinite(point[1])))
    throw new SitError("not-finite", `projection (${method}): the points went to infinity`, {
      mend: "Look whether many vectors are equal, or try the other method.",
    });
  return points;
}

function checkVectors(vectors: Vectors): void {
  requireOption(
    vectors.length >= FEWEST_VECTORS,
    "vectors",
    `at least ${FEWEST_VECTORS} vectors`,
    vectors.length,
  );
  const width = vectors[0]?.length ?? 0;
  requireOption(width > 0, "vectors", "vectors of at least one number", width);
  vectors.forEach((vector, index) => {
    requireOption(vector.length === width, `vectors[${index}]`, `${width} numbers`, vector.length);
    for (let i = 0; i < width; i++) {
      if (!Number.isFinite(vector[i]))
        throw new SitError(
          "not-finite",
          `vectors[${index}][${i}]: expected a finite number, got ${vector[i]}`,
        );
    }
  });
}

function requireCount(option: string, value: number, least: number): void {
  requireOption(
    Number.isInteger(value) && value >= least,
    option,
    `a whole number of at least ${least}`,
    value,
  );
}

function unitLength(vector: ArrayLike<number>): number[] {
  const values = Array.from(vector);
  const length = Math.hypot(...values);
  return length > 0 ? values.map((value) => value / length) : values;
}
