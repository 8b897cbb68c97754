import { randomStream } from "@sitjs/core";
import { type ClassifierHeadOptions, classifierHead, type VisionTransformerOptions } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { difference, network, pictures, run, scattered, small, tolerance } from "../test/networks.js";
import { exportOnnx } from "./index.js";

describe("exportOnnx", () => {
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
});
