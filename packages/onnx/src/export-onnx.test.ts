import { randomStream } from "@sitjs/core";
import { type ClassifierHeadOptions, classifierHead, type VisionTransformerOptions } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import {
  difference,
  network,
  onnxRuntime,
  pictures,
  run,
  scattered,
  small,
  tolerance,
} from "../test/networks.js";
import { type ExportOnnxOptions, exportOnnx } from "./index.js";

describe.skipIf(!onnxRuntime.installed)("exportOnnx", () => {
  beforeAll(async () => {
    await tf.setBackend("cpu");
  });

  const networks: Record<string, Partial<VisionTransformerOptions>> = {
    "learned positions": {},
    "no positions": { positions: "none" },
    "sine-cosine positions": { positions: "sincos" },
    "MoCo v3's positions": { positions: "sincos-moco" },
    "relative positions": { positions: "none", relativePositions: true, qkvBias: "query-value" },
    "layer scale": { layerScale: 0.1 },
    "no bias of queries, keys and values": { qkvBias: false },
    "drop path, which is of training": { dropPath: 0.5 },
    "one channel, one head, another perceptron, another epsilon": {
      channels: 1,
      heads: 1,
      mlpRatio: 1.5,
      layerNormEpsilon: 1e-2,
    },
  };
  for (const [title, more] of Object.entries(networks)) {
    it(`gives the tokens of our own forward pass: ${title}`, async () => {
      const options = { ...small, ...more };
      const { backbone, params } = network(options);
      const file = await exportOnnx({ backbone: options, params });
      for (const batch of [1, 3]) {
        const images = pictures(batch, 16, options.channels);
        const { tokens } = backbone.apply(params, images, { train: false });
        const found = await run(file, images);
        expect(Object.keys(found)).toEqual(["last_hidden_state"]);
        expect(await difference(found.last_hidden_state, tokens)).toBeLessThan(tolerance);
      }
    });
  }

  for (const opset of [17, 18, 19, 20, 21]) {
    it(`gives embedding and logits by opset ${opset}`, async () => {
      const { backbone, params } = network(small);
      const images = pictures(3, 16, 3);
      const { tokens } = backbone.apply(params, images, { train: false });
      const mean = tf.mean(tf.slice(tokens, [0, 1, 0]), 1);
      const file = await exportOnnx({ backbone: small, params, output: "embedding", pooling: "mean", opset });
      const found = await run(file, images);
      expect(Object.keys(found)).toEqual(["last_hidden_state", "pooler_output"]);
      expect(await difference(found.pooler_output, mean)).toBeLessThan(tolerance);
      const options: ClassifierHeadOptions = { kind: "two-layer", width: 24, classes: 5 };
      const head = classifierHead(options);
      const own = scattered(head.init(randomStream(4)), "head");
      const withHead = await exportOnnx({ backbone: small, params, head: { options, params: own }, opset });
      const { output } = head.apply(own, tokens, { train: false });
      const { logits } = await run(withHead, images);
      expect(await difference(logits, output)).toBeLessThan(tolerance);
    });
  }

  for (const [imageSize, more] of [
    [24, {}],
    [24, { positions: "sincos" }],
    [8, { positions: "none", relativePositions: true }],
  ] as const) {
    const kind = "positions" in more ? (more.positions === "none" ? "relative" : more.positions) : "learned";
    it(`takes images of ${imageSize} pixels where the network has 16: ${kind} positions`, async () => {
      const options = { ...small, ...more };
      const { backbone, params } = network(options);
      const images = pictures(2, imageSize, 3);
      const { tokens } = backbone.apply(params, images, { train: false });
      const { last_hidden_state } = await run(
        await exportOnnx({ backbone: options, params, imageSize }),
        images,
      );
      expect(await difference(last_hidden_state, tokens)).toBeLessThan(tolerance);
    });
  }

  it("gives a network of one channel the luma of colour images", async () => {
    const options = { ...small, channels: 1 };
    const { backbone, params } = network(options);
    const images = pictures(2, 16, 3);
    const luma = tf.sum(tf.mul(images, [0.299, 0.587, 0.114]), 3, true) as tf.Tensor4D;
    const { tokens } = backbone.apply(params, luma, { train: false });
    const { last_hidden_state } = await run(
      await exportOnnx({ backbone: options, params, inputChannels: 3 }),
      images,
    );
    expect(await difference(last_hidden_state, tokens)).toBeLessThan(tolerance);
  });

  for (const input of ["token", "mean", "token+mean"] as const) {
    it(`pools by ${input}`, async () => {
      const { backbone, params } = network(small);
      const images = pictures(2, 16, 3);
      const { tokens } = backbone.apply(params, images, { train: false });
      const options: ClassifierHeadOptions = { kind: "linear", input, width: 24, classes: 3 };
      const head = classifierHead(options);
      const own = scattered(head.init(randomStream(4)), "head");
      const { logits } = await run(
        await exportOnnx({ backbone: small, params, head: { options, params: own } }),
        images,
      );
      const { output } = head.apply(own, tokens, { train: false });
      expect(await difference(logits, output)).toBeLessThan(tolerance);
      const file = await exportOnnx({ backbone: small, params, output: "embedding", pooling: input });
      const { pooler_output } = await run(file, images);
      expect(pooler_output?.dims).toEqual([2, input === "token+mean" ? 48 : 24]);
      // A linear head of zeros and ones tells each feature of the pooled tokens.
      const size = input === "token+mean" ? 48 : 24;
      const teller = classifierHead({ input, width: 24, classes: size });
      const features = teller.apply({ weight: tf.eye(size), bias: tf.zeros([size]) }, tokens, {
        train: false,
      });
      expect(await difference(pooler_output, features.output)).toBeLessThan(tolerance);
    });
  }

  it("names options and parameters that do not fit", async () => {
    const { params } = network(small);
    const head = { options: { classes: 3 }, params: { weight: tf.zeros([3, 24]), bias: tf.zeros([4]) } };
    const { cls_token: _, ...without } = params;
    const fails: [Partial<ExportOnnxOptions>, RegExp][] = [
      [{ output: "logits" }, /^head: expected one for logits/],
      [{ output: "tokens", head }, /^head: expected one for logits, else none/],
      [
        { output: "classes" as "logits" },
        /^output: expected "tokens", "embedding" or "logits", got "classes"/,
      ],
      [{ pooling: "all" as "mean" }, /^pooling: expected/],
      [{ opset: 16 }, /^opset: expected 17, 18, 19, 20, 21, got 16/],
      [{ imageSize: 18 }, /^imageSize: expected a multiple of patchSize 4, got 18/],
      [{ inputChannels: 1 }, /^inputChannels: expected 3, the backbone's, got 1/],
      [{ backbone: { ...small, heads: 5 } }, /^heads: expected a divisor of width 24/],
      [{ backbone: { ...small, mlpRatio: 2 } }, /^parameter blocks.0.mlp.fc1.weight: expected \[48, 24\]/],
      [{ params: without }, /^parameter cls_token: expected it/],
      [
        { params: { ...params, "norm.bias": tf.zeros([24], "int32") } },
        /^parameter norm.bias: expected float32/,
      ],
      [{ head }, /^parameter bias: expected \[3\], got \[4\]/],
    ];
    for (const [options, message] of fails) {
      await expect(exportOnnx({ backbone: small, params, ...options })).rejects.toThrow(message);
    }
  });

  it("borrows what it is given and leaves nothing behind", async () => {
    const { params } = network({ ...small, layerScale: 0.1 });
    const before = tf.memory().numTensors;
    await exportOnnx({ backbone: { ...small, layerScale: 0.1 }, params, output: "embedding" });
    expect(tf.memory().numTensors).toBe(before);
    expect(Object.values(params).some(({ isDisposed }) => isDisposed)).toBe(false);
    await expect(exportOnnx({ backbone: { ...small, mlpRatio: 2 }, params })).rejects.toThrow();
    expect(tf.memory().numTensors).toBe(before);
  });
});
