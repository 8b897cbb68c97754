import { backboneChecks } from "@sitjs/core/testing";
import { beforeAll, describe, test } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { type VisionTransformerOptions, visionTransformer } from "./index.js";

const small = { imageSize: 8, patchSize: 4, width: 8, depth: 2, heads: 2 } satisfies VisionTransformerOptions;
const networks: Record<string, VisionTransformerOptions> = {
  "as SiT's": { ...small, dropPath: 0.3 },
  "as MAE's": { ...small, positions: "sincos", initialization: "mae", channels: 1 },
  "as SimMIM's": {
    ...small,
    ...{ positions: "none", relativePositions: true, qkvBias: "query-value", layerScale: 0.1 },
  },
};

/** The network with each of its options changed. */
const changed = (options: VisionTransformerOptions) => {
  const others: Partial<VisionTransformerOptions> = {
    ...{ imageSize: 16, patchSize: 2, channels: 2, width: 16, depth: 3, heads: 4, mlpRatio: 3 },
    ...{ qkvBias: false, layerNormEpsilon: 1e-3, dropPath: 0.4, positions: "sincos-moco", layerScale: 0.2 },
    ...{ relativePositions: options.relativePositions !== true, initialization: "moco-v3" },
  };
  const makers = Object.entries(others).map(([option, value]) => {
    return [option, () => visionTransformer({ ...options, [option]: value })] as const;
  });
  return Object.fromEntries(makers);
};

for (const engine of await engines()) {
  describe(`vision transformers on ${engine.name}`, () => {
    beforeAll(() => engine.use());
    for (const [which, options] of Object.entries(networks)) {
      describe(which, () => {
        for (const { name, run } of backboneChecks(() => visionTransformer(options), {
          others: changed(options),
        }))
          test(name, run);
      });
    }
  });
}
