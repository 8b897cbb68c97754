import { requireOption } from "@sitjs/core/errors";

export const featureKinds = ["token", "mean", "token+mean"] as const;
export const linearOptimizers = ["sgd", "lars"] as const;

/** The options of `sit linear` itself. */
export interface LinearChoice {
  readonly features: string;
  readonly layers: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly optimizer: string;
  /** For a batch of 256. */
  readonly learningRates: readonly number[];
  readonly augment: boolean;
}

/** MAE's probe, and a few learning rates around the usual one. */
export const linearDefaults: LinearChoice = {
  features: "token",
  layers: 1,
  epochs: 90,
  batchSize: 256,
  optimizer: "sgd",
  learningRates: [0.01, 0.1, 1],
  augment: false,
};

/** @throws SitError "bad-option" where the network has fewer blocks */
export function requireLayers(layers: number, depth: number): void {
  requireOption(layers <= depth, "--layers", `at most ${depth}, the network's blocks`, layers);
}
