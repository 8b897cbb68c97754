import { SitError } from "@sitjs/core";
import type { BatchSource } from "@sitjs/train";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, expect, it } from "vitest";
import { evaluateWith } from "./embed.js";

beforeAll(async () => {
  await tf.setBackend("cpu");
});

/** One batch of two images of one pixel. */
const loader = {
  stepsPerEpoch: 1,
  batchSize: 2,
  async *range() {
    const views = [{ data: Float32Array.of(1, 2), shape: [2, 1, 1, 1] }];
    yield { step: 0, views, labels: Int32Array.of(0, 1), indices: Int32Array.of(0, 1) };
  },
} as unknown as BatchSource;

it.each([Number.NaN, Number.POSITIVE_INFINITY])(
  "outputs of %s are an error, not an accuracy",
  async (value) => {
    const logits = (second: number) => () => tf.tensor2d([3, 1, second, 5], [2, 2]);
    expect((await evaluateWith(loader, 2, logits(4))).top1).toBe(1);
    const before = tf.memory().numTensors;
    const error = await evaluateWith(loader, 2, logits(value)).catch((thrown: unknown) => thrown);
    expect(SitError.isInstance(error) && [error.code, error.message]).toEqual([
      "not-finite",
      `expected finite outputs of the network, got ${value} in row 1 of a batch`,
    ]);
    expect(tf.memory().numTensors).toBe(before);
  },
);
