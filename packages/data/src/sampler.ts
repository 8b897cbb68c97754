import { randomStream } from "@sitjs/core/random";

/**
 * The order of the samples in an epoch: a permutation that depends on seed and epoch only, or the dataset's own order.
 */
export function epochOrder(length: number, epoch: number, seed: number, shuffle: boolean): Uint32Array {
  if (!shuffle) return Uint32Array.from({ length }, (_, i) => i);
  return randomStream(seed, "shuffle", epoch).permutation(length);
}

/** The number of batches in an epoch. */
export function stepsIn(length: number, batchSize: number, dropLast: boolean): number {
  return dropLast ? Math.floor(length / batchSize) : Math.ceil(length / batchSize);
}
