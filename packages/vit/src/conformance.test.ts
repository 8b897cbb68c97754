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

for (const engine of await engines()) {
  describe(`vision transformers on ${engine.name}`, () => {
    beforeAll(() => engine.use());
    for (const [which, options] of Object.entries(networks)) {
      describe(which, () => {
        for (const { name, run } of backboneChecks(() => visionTransformer(options))) test(name, run);
      });
    }
  });
}
