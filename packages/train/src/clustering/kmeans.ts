import { matMul2d, type RandomStream, requireOption, tidy } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";

export interface KMeansOptions {
  /** How many groups, at most as many as points. */
  readonly clusters: number;
  readonly rng: RandomStream;
  /** Lloyd iterations at most; fewer where nothing changes any more (default 20). */
  readonly iterations?: number;
}

export interface Clustering {
  /** The cluster of each point: [points]; no cluster is without a point. */
  readonly labels: Int32Array;
  /** [clusters, features] row by row: the mean of each cluster's points. */
  readonly centroids: Float32Array;
}

/** Similarities that are held at once, so that many points and clusters do not fill the memory. */
const MOST_SCORES = 2 ** 22;

/** Points on the host, [count, features] row by row. */
interface Points {
  readonly values: Float32Array;
  readonly count: number;
  readonly features: number;
}

/**
 * k-means by Lloyd's iterations, begun as k-means++ (Arthur and Vassilvitskii 2007): each first centroid is a point, drawn
 * in proportion to its squared distance from those before.
 *
 * A cluster that loses all points takes over a part of another one's, as in DeepCluster (Caron et al. 2018): a random
 * cluster's centroid is shifted a little, one way and the other, and its points go to the nearer of both places.
 *
 * @param points [points, features], finite; borrowed
 * @throws SitError "bad-option" where there are more clusters than points
 */
export async function kMeans(points: tf.Tensor2D, options: KMeansOptions): Promise<Clustering> {
  const { clusters, rng, iterations = 20 } = options;
  const [count, features] = points.shape;
  const fits = Number.isSafeInteger(clusters) && clusters >= 1 && clusters <= count;
  requireOption(fits, "clusters", `a whole number from 1 to ${count} (points)`, clusters);
  requireOption(
    Number.isSafeInteger(iterations) && iterations >= 1,
    "iterations",
    "a whole number of at least 1",
    iterations,
  );
  const host: Points = { values: (await points.data()) as Float32Array, count, features };
  let centroids = firstCentroids(host, clusters, rng.fork("first centroids"));
  let labels = new Int32Array(0);
  for (let iteration = 0; iteration < iterations; iteration++) {
    const next = await nearest(points, centroids, clusters);
    fillEmpty(host, next, clusters, rng.fork("empty clusters", iteration));
    const settled = iteration > 0 && next.every((label, i) => label === labels[i]);
    labels = next;
    if (settled) break;
    centroids = means(host, labels, clusters);
  }
  return { labels, centroids };
}

function firstCentroids(points: Points, clusters: number, rng: RandomStream): Float32Array {
  const { values, count, features } = points;
  const centroids = new Float32Array(clusters * features);
  // Squared, to the nearest centroid so far.
  const distances = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  let chosen = rng.integer(0, count);
  for (let cluster = 0; cluster < clusters; cluster++) {
    const centroid = values.subarray(chosen * features, (chosen + 1) * features);
    centroids.set(centroid, cluster * features);
    let total = 0;
    for (let i = 0; i < count; i++) {
      let squared = 0;
      for (let f = 0; f < features; f++) {
        const difference = (values[i * features + f] as number) - (centroid[f] as number);
        squared += difference * difference;
      }
      distances[i] = Math.min(distances[i] as number, squared);
      total += distances[i] as number;
    }
    chosen = inProportion(distances, total, rng);
  }
  return centroids;
}

/** An index drawn in proportion to its weight; any, where all weights are 0. */
function inProportion(weights: Float64Array, total: number, rng: RandomStream): number {
  if (!(total > 0)) return rng.integer(0, weights.length);
  let left = rng.uniform() * total;
  let last = 0;
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i] as number;
    if (weight === 0) continue;
    if (left < weight) return i;
    left -= weight;
    last = i;
  }
  return last; // rounding has used the sum up
}

/** The nearest centroid of each point: the largest `2 x · c - |c|²`. */
async function nearest(
  points: tf.Tensor2D,
  centroids: Float32Array,
  clusters: number,
): Promise<Int32Array<ArrayBuffer>> {
  const [count, features] = points.shape;
  const rows = Math.max(1, Math.floor(MOST_SCORES / clusters));
  const labels = new Int32Array(count);
  for (let start = 0; start < count; start += rows) {
    const found = tidy(() => {
      const some = tf.slice2d(points, [start, 0], [Math.min(rows, count - start), -1]);
      const places = tf.tensor2d(centroids, [clusters, features]);
      const lengths = tf.sum(tf.square(places), 1); // [clusters]
      return tf.argMax(tf.sub(tf.mul(matMul2d(some, places, false, true), 2), lengths), 1);
    });
    labels.set(await found.data(), start);
    found.dispose();
  }
  return labels;
}

/** Gives every empty cluster points of another one; changes `labels`. */
function fillEmpty(points: Points, labels: Int32Array, clusters: number, rng: RandomStream): void {
  const sizes = clusterSizes(labels, clusters);
  for (let empty = 0; empty < clusters; empty++) {
    if (sizes[empty] !== 0) continue;
    const donors = Array.from(sizes.keys()).filter((cluster) => (sizes[cluster] as number) >= 2);
    const donor = donors[rng.integer(0, donors.length)] as number;
    const members = Array.from(labels.keys()).filter((i) => labels[i] === donor);
    const moved = oneSide(points, members, rng);
    for (const i of moved) labels[i] = empty;
    sizes[empty] = moved.length;
    sizes[donor] = members.length - moved.length;
  }
}

/**
 * Those members that are nearer to their centroid shifted by some vector than to it shifted the other way, however small
 * the shift: the ones on one side of a plane through the centroid. Half of them where all lie in the plane.
 */
function oneSide({ values, features }: Points, members: readonly number[], rng: RandomStream): number[] {
  const shift = rng.fillNormal(new Float32Array(features));
  const along = members.map((i) => {
    let product = 0;
    for (let f = 0; f < features; f++) product += (values[i * features + f] as number) * (shift[f] as number);
    return product;
  });
  const centre = along.reduce((sum, value) => sum + value, 0) / members.length;
  const side = members.filter((_, i) => (along[i] as number) > centre);
  const splits = side.length > 0 && side.length < members.length;
  return splits ? side : members.slice(0, Math.floor(members.length / 2));
}

function means({ values, count, features }: Points, labels: Int32Array, clusters: number): Float32Array {
  const sums = new Float64Array(clusters * features);
  for (let i = 0; i < count; i++) {
    const at = (labels[i] as number) * features;
    for (let f = 0; f < features; f++)
      sums[at + f] = (sums[at + f] as number) + (values[i * features + f] as number);
  }
  const sizes = clusterSizes(labels, clusters);
  return Float32Array.from(sums, (sum, i) => sum / (sizes[Math.floor(i / features)] as number));
}

/**
 * How many points are in each cluster: [clusters].
 *
 * @param labels the cluster of each point; below 0 for none
 */
export function clusterSizes(labels: ArrayLike<number>, clusters: number): Int32Array {
  const sizes = new Int32Array(clusters);
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] as number;
    if (label >= 0) sizes[label] = (sizes[label] as number) + 1;
  }
  return sizes;
}
