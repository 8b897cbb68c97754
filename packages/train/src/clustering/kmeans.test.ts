import { randomStream, SitError } from "@sitjs/core";
import { leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { failure } from "../../test/runs.js";
import { clusterSizes, kMeans } from "./kmeans.js";

/** Points around `centres`, so many around each in turn: point i belongs to centre i mod centres. */
function around(centres: readonly (readonly number[])[], each: number, spread: number): number[][] {
  const rng = randomStream(3, "points");
  return Array.from({ length: centres.length * each }, (_, i) =>
    (centres[i % centres.length] as readonly number[]).map((value) => value + spread * rng.normal()),
  );
}

const corners = [
  [0, 0, 0],
  [5, 0, 0],
  [0, 5, 0],
  [0, 0, 5],
];

/** Labels with the first cluster that appears called 0, the next one 1, …: the same for the same groups. */
function canonical(labels: ArrayLike<number>): number[] {
  const names = new Map<number, number>();
  return Array.from(labels, (label) => {
    if (!names.has(label)) names.set(label, names.size);
    return names.get(label) as number;
  });
}

async function groups(points: number[][], clusters: number, seed = 0, iterations?: number) {
  const tensor = tf.tensor2d(points);
  const result = await kMeans(tensor, {
    clusters,
    rng: randomStream(seed, "k-means"),
    ...(iterations && { iterations }),
  });
  tensor.dispose();
  return result;
}

/** The mean squared distance of points to the mean of their group. */
function scatter(points: number[][], labels: Int32Array, centroids: Float32Array): number {
  const width = (points[0] as number[]).length;
  const squares = points.map((point, i) =>
    point.reduce(
      (sum, value, f) => sum + (value - (centroids[(labels[i] as number) * width + f] as number)) ** 2,
      0,
    ),
  );
  return squares.reduce((sum, value) => sum + value, 0) / points.length;
}

for (const engine of await engines({ cpu: true })) {
  describe(`k-means on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("finds groups that are far apart, whatever the seed", async () => {
      // So far apart that two first centroids of one group are a matter of 1 in 500.
      const points = around(corners, 20, 0.05);
      const expected = points.map((_, i) => i % 4);
      for (let seed = 0; seed < 8; seed++) {
        const { labels, centroids } = await groups(points, 4, seed);
        expect(canonical(labels), `seed ${seed}`).toEqual(expected);
        for (const [i, centre] of corners.entries()) {
          const at = (labels[i] as number) * 3;
          for (const [f, value] of centre.entries()) {
            expect(Math.abs((centroids[at + f] as number) - value)).toBeLessThan(0.05);
          }
        }
      }
    });

    it("ends where each point is in the nearest group and each centroid is its group's mean", async () => {
      const points = around(corners, 30, 2);
      const { labels, centroids } = await groups(points, 6, 1, 100);
      for (const [i, point] of points.entries()) {
        const distances = Array.from({ length: 6 }, (_, cluster) =>
          Math.hypot(...point.map((value, f) => value - (centroids[cluster * 3 + f] as number))),
        );
        expect(distances[labels[i] as number]).toBeLessThanOrEqual(Math.min(...distances) + 1e-4);
      }
      for (let cluster = 0; cluster < 6; cluster++) {
        const members = points.filter((_, i) => labels[i] === cluster);
        for (let f = 0; f < 3; f++) {
          const mean = members.reduce((sum, point) => sum + (point[f] as number), 0) / members.length;
          expect(centroids[cluster * 3 + f]).toBeCloseTo(mean, 4);
        }
      }
    });

    it("gets better from iteration to iteration", async () => {
      const points = around(corners, 30, 2);
      const values: number[] = [];
      for (const iterations of [1, 2, 4, 8]) {
        const { labels, centroids } = await groups(points, 8, 0, iterations);
        values.push(scatter(points, labels, centroids));
      }
      for (const [i, value] of values.entries()) {
        if (i > 0) expect(value).toBeLessThanOrEqual((values[i - 1] as number) + 1e-6);
      }
      expect(values.at(-1)).toBeLessThan(values[0] as number);
    });

    it("leaves no cluster without points, even where points are the same", async () => {
      const two = Array.from({ length: 12 }, (_, i) => [i % 2, 1]);
      for (const clusters of [3, 7, 12]) {
        const { labels, centroids } = await groups(two, clusters, 2);
        expect(Math.min(...clusterSizes(labels, clusters)), `${clusters} clusters`).toBeGreaterThan(0);
        expect(centroids.every(Number.isFinite)).toBe(true);
        // Groups have taken over parts of others, never of both kinds: that would be worse than before.
        if (clusters === 3) expect(scatter(two, labels, centroids)).toBeLessThan(1e-9);
      }
      const one = Array.from({ length: 5 }, () => [2, 2]);
      expect(Array.from(clusterSizes((await groups(one, 5)).labels, 5))).toEqual([1, 1, 1, 1, 1]);
    });

    it("gives the whole to one cluster, and each point its own where there are as many", async () => {
      const points = around(corners, 3, 1);
      const whole = await groups(points, 1);
      expect(whole.labels.every((label) => label === 0)).toBe(true);
      const single = await groups(points, 12);
      expect(new Set(single.labels).size).toBe(12);
      expect(scatter(points, single.labels, single.centroids)).toBeLessThan(1e-9);
    });

    it("the same stream gives the same groups; groups stay where all points are moved or turned", async () => {
      const points = around(corners, 25, 1.5);
      const first = await groups(points, 5, 7);
      const again = await groups(points, 5, 7);
      expect(again.labels).toEqual(first.labels);
      expect(again.centroids).toEqual(first.centroids);
      expect((await groups(points, 5, 8)).labels).not.toEqual(first.labels);
      const [cos, sin] = [Math.cos(0.7), Math.sin(0.7)];
      const moved = points.map(([x = 0, y = 0, z = 0]) => [
        cos * x - sin * y + 3,
        sin * x + cos * y - 2,
        z + 1,
      ]);
      expect((await groups(moved, 5, 7)).labels).toEqual(first.labels);
    });

    it("is the same in pieces: more scores than are held at once", async () => {
      const points = around(corners, 1100, 0.3); // 4,400 points and 1,000 clusters: two pieces
      const { labels } = await groups(points, 1000, 0, 2);
      const [sizes, mixed] = [clusterSizes(labels, 1000), new Map<number, Set<number>>()];
      labels.forEach((label, i) => {
        mixed.set(label, (mixed.get(label) ?? new Set()).add(i % 4));
      });
      expect(Math.min(...sizes)).toBeGreaterThan(0);
      expect([...mixed.values()].every((kinds) => kinds.size === 1)).toBe(true);
    });

    it.each([0, 13, 1.5, Number.NaN])("refuses %s clusters of 12 points", async (clusters) => {
      const error = await failure(() => groups(around(corners, 3, 1), clusters));
      expect(SitError.isInstance(error)).toBe(true);
      expect((error as Error).message).toMatch(/^clusters: expected a whole number from 1 to 12 \(points\)/);
    });

    it("leaves no tensor behind", async () => {
      expect(await leakedTensors(() => groups(around(corners, 10, 1), 5))).toBe(0);
    });
  });
}
