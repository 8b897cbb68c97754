import { requireOption, SitError } from "@sitjs/core/errors";
import { randomStream } from "@sitjs/core/random";
import { createDataset, type ImageDataset, requireIndex } from "./dataset.js";
import type { ImageStorage } from "./storage.js";
import { pickTargets } from "./targets.js";

/**
 * The samples of a dataset at `indices`, in that order, with their labels or targets; pixels are shared, not copied.
 * @throws SitError "bad-option" for an index outside of the dataset, or none at all.
 */
export function subset(dataset: ImageDataset, indices: ArrayLike<number>, name?: string): ImageDataset {
  requireOption(indices.length > 0, "indices", "at least one index", indices.length);
  for (let i = 0; i < indices.length; i++)
    requireIndex(indices[i] as number, dataset.length, `indices[${i}]`);
  const { labels, targets } = dataset;
  return createDataset({
    name: name ?? `${dataset.name}[${indices.length}]`,
    classes: dataset.classes,
    labels: labels && Int32Array.from(indices, (i) => labels[i] as number),
    targets: targets && pickTargets(targets, targets.length / dataset.length, indices),
    storage: pick(dataset.storage, indices),
  });
}

function pick(storage: ImageStorage, indices: ArrayLike<number>): ImageStorage {
  if (storage.kind === "files") {
    return { ...storage, paths: Array.from(indices, (i) => storage.paths[i] as string) };
  }
  if (storage.kind === "encoded") {
    const names = Array.from(indices, (i) => storage.names[i] as string);
    return { ...storage, names, ranges: pickRanges(storage.ranges, indices) };
  }
  const { rows } = storage;
  return { ...storage, rows: Uint32Array.from(indices, (i) => (rows ? (rows[i] as number) : i)) };
}

/** The ranges of some samples, in memory that threads share. */
export function pickRanges(ranges: Float64Array, indices: ArrayLike<number>): Float64Array {
  const picked = new Float64Array(new SharedArrayBuffer(16 * indices.length));
  for (let i = 0; i < indices.length; i++) {
    const from = 2 * (indices[i] as number);
    picked.set(ranges.subarray(from, from + 2), 2 * i);
  }
  return picked;
}

export interface BalancedSubsetOptions {
  /** Samples drawn of each class. */
  readonly perClass: number;
  /** Seed of the draw; default 0. The draw for a smaller `perClass` is contained in that for a larger one. */
  readonly seed?: number;
}

/**
 * Draws the same number of labelled samples of each class, for training with few labels. Ordered by class.
 * @throws SitError "bad-option" without labels, or where a class has fewer samples.
 */
export function balancedSubset(dataset: ImageDataset, options: BalancedSubsetOptions): ImageDataset {
  const { perClass, seed = 0 } = options;
  requireOption(
    Number.isSafeInteger(perClass) && perClass > 0,
    "perClass",
    "a positive whole number",
    perClass,
  );
  requireSeed(seed);
  const members = byClass(dataset);
  const chosen = members.flatMap((indices, label) => {
    if (indices.length < perClass) {
      const name = dataset.classes?.[label] ?? String(label);
      throw new SitError(
        "bad-option",
        `perClass: expected at most ${indices.length}, the size of class "${name}" of ${dataset.name}, got ${perClass}`,
      );
    }
    const order = randomStream(seed, "balanced-subset", label).permutation(indices.length);
    return Array.from(order.subarray(0, perClass), (k) => indices[k] as number);
  });
  return subset(dataset, chosen, `${dataset.name}[${perClass} per class]`);
}

export interface SplitOptions {
  /** Share of the samples that the first part gets, between 0 and 1. */
  readonly share: number;
  /** Seed of the draw; default 0. */
  readonly seed?: number;
  /** Keep the classes' proportions in both parts; default: where there are labels. */
  readonly stratified?: boolean;
}

/**
 * Cuts a dataset in two at random, `[first, rest]`, each in the dataset's order.
 * @throws SitError "bad-option" for a share that leaves a part empty.
 */
export function split(dataset: ImageDataset, options: SplitOptions): [ImageDataset, ImageDataset] {
  const { share, seed = 0, stratified = dataset.labels !== undefined } = options;
  requireOption(share > 0 && share < 1, "share", "a number between 0 and 1", share);
  requireSeed(seed);
  const groups = stratified ? byClass(dataset) : [Array.from({ length: dataset.length }, (_, i) => i)];
  const first = new Set<number>();
  groups.forEach((indices, label) => {
    const order = randomStream(seed, "split", label).permutation(indices.length);
    for (const k of order.subarray(0, Math.round(indices.length * share))) first.add(indices[k] as number);
  });
  requireOption(
    first.size > 0 && first.size < dataset.length,
    "share",
    `a share that leaves neither part of ${dataset.length} samples empty`,
    share,
  );
  const all = Array.from({ length: dataset.length }, (_, i) => i);
  const percent = Math.round(share * 100);
  return [
    subset(
      dataset,
      [...first].sort((a, b) => a - b),
      `${dataset.name}[${percent} %]`,
    ),
    subset(
      dataset,
      all.filter((i) => !first.has(i)),
      `${dataset.name}[other ${100 - percent} %]`,
    ),
  ];
}

/** Indices of the samples of each class. */
function byClass({ name, labels, classes }: ImageDataset): number[][] {
  if (labels === undefined) {
    throw new SitError("bad-option", `dataset: expected one with labels, got ${name}, which has none`, {
      mend: "For a folder of images, put each class in a folder of its own.",
    });
  }
  const count = classes?.length ?? labels.reduce((most, label) => Math.max(most, label + 1), 0);
  const members: number[][] = Array.from({ length: count }, () => []);
  labels.forEach((label, index) => {
    members[label]?.push(index);
  });
  return members;
}

export function requireSeed(seed: number): void {
  requireOption(Number.isSafeInteger(seed), "seed", "a whole number", seed);
}
