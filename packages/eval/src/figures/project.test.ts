import { randomStream } from "@sitjs/core/random";
import { describe, expect, test } from "vitest";
import { type ProjectedPoint, type ProjectionOptions, projectEmbeddings } from "./project.js";

/** Two clouds of `width` numbers around opposite middles, 30 vectors each, taking turns. */
function twoClouds(width = 16): Float32Array[] {
  const random = randomStream(3, "clouds");
  return Array.from({ length: 60 }, (_, i) =>
    Float32Array.from(
      { length: width },
      (_, k) => (i % 2 === 0 ? 1 : -1) * (k % 3 === 0 ? 2 : 0.5) + 0.3 * random.normal(),
    ),
  );
}

const run = (options: Partial<ProjectionOptions>) =>
  projectEmbeddings(twoClouds(), { method: "tsne", seed: 0, iterations: 200, ...options });

/** Whether every point's nearest one is of its own cloud. */
function nearestShareCloud(points: readonly ProjectedPoint[]): boolean {
  return points.every(([x, y], i) => {
    const nearest = points
      .map((other, j) => ({
        j,
        distance: j === i ? Number.POSITIVE_INFINITY : Math.hypot(other[0] - x, other[1] - y),
      }))
      .reduce((a, b) => (b.distance < a.distance ? b : a));
    return nearest.j % 2 === i % 2;
  });
}

describe.each(["tsne", "umap"] as const)("%s", (method) => {
  test.each(["cosine", "euclidean"] as const)("keeps two clouds apart (%s)", (metric) => {
    const points = run({ method, metric });
    expect(points).toHaveLength(60);
    expect(nearestShareCloud(points)).toBe(true);
    const middle = (parity: number) =>
      points
        .filter((_, i) => i % 2 === parity)
        .reduce((sum, [x, y]) => [sum[0] + x / 30, sum[1] + y / 30] as [number, number], [0, 0]);
    const [a, b] = [middle(0), middle(1)];
    const radius = Math.max(
      ...points.map(([x, y], i) => Math.hypot(x - (i % 2 ? b : a)[0], y - (i % 2 ? b : a)[1])),
    );
    expect(Math.hypot(a[0] - b[0], a[1] - b[1])).toBeGreaterThan(radius);
  });

  test("the seed decides, 0 included", () => {
    const points = run({ method, seed: 0 });
    expect(run({ method, seed: 0 })).toEqual(points);
    expect(run({ method, seed: 1 })).not.toEqual(points);
  });

  test("few vectors and short ones will do", () => {
    const points = projectEmbeddings(
      Array.from({ length: 8 }, (_, i) => [Math.cos(i), Math.sin(i)]),
      { method, seed: 0 },
    );
    expect(points).toHaveLength(8);
    expect(points.flat().every(Number.isFinite)).toBe(true);
  });
});

test("PCA first keeps the clouds apart", () => {
  const points = projectEmbeddings(twoClouds(64), {
    method: "tsne",
    seed: 0,
    iterations: 200,
    pcaComponents: 10,
  });
  expect(nearestShareCloud(points)).toBe(true);
});

test("equal vectors give finite points or an error that says so", () => {
  const equal = Array.from({ length: 12 }, () => [1, 2, 3]);
  for (const method of ["tsne", "umap"] as const) {
    const project = () => projectEmbeddings(equal, { method, seed: 0, iterations: 50 });
    let points: number[] = [];
    try {
      points = project().flat();
    } catch (error) {
      expect(error).toMatchObject({ code: "not-finite" });
    }
    expect(points.every(Number.isFinite)).toBe(true);
  }
});

test("progress ends with the last step", () => {
  const seen: number[] = [];
  run({ iterations: 25, onProgress: ({ iteration }) => seen.push(iteration) });
  expect(seen).toEqual([10, 20, 25]);
});

test("bad input is named", () => {
  expect(() => projectEmbeddings([[1], [2]], { method: "tsne", seed: 0 })).toThrow(
    /vectors: expected at least 8/,
  );
  const uneven = [...twoClouds(), new Float32Array(3)];
  expect(() => projectEmbeddings(uneven, { method: "tsne", seed: 0 })).toThrow(
    /vectors\[60\]: expected 16 numbers, got 3/,
  );
  const broken = twoClouds();
  broken[5]?.fill(Number.NaN, 2, 3);
  expect(() => projectEmbeddings(broken, { method: "umap", seed: 0 })).toThrow(/vectors\[5\]\[2\]/);
  expect(() => run({ perplexity: 0 })).toThrow(/perplexity/);
  expect(() => run({ iterations: 1.5 })).toThrow(/iterations/);
});
