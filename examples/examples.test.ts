// The examples keep to the contracts.
import {
  backboneChecks,
  type Check,
  corruptionChecks,
  methodChecks,
  reconstructionLossChecks,
  transformChecks,
} from "@sitjs/core/testing";
import { mocoHeads, visionTransformer } from "@sitjs/vit";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../fixtures/engines.js";
import { byol } from "./byol.js";
import { maskedSsim } from "./masked-ssim.js";
import { poolFormer } from "./pool-former.js";
import stainJitter from "./stain-jitter.mjs";
import { uniformMasking } from "./uniform-masking.js";

const backbone = () => visionTransformer({ imageSize: 8, patchSize: 4, width: 8, depth: 1, heads: 2 });
const heads = mocoHeads({ width: 8, hidden: 8, output: 4 });

const suites: Record<string, readonly Check[]> = {
  "uniform masking": corruptionChecks(() => uniformMasking({ patchSize: 4 }), {
    cell: 4,
    share: [0.75, 0.75],
  }),
  "masked SSIM": reconstructionLossChecks(() => maskedSsim({ window: 3 }), { step: 2e-3 }),
  "stain jitter": transformChecks(() => stainJitter(), { channels: [3] }),
  PoolFormer: backboneChecks(() => poolFormer({ imageSize: 8, patchSize: 2, width: 8, depth: 2 })),
  BYOL: methodChecks(() => byol({ backbone: backbone(), ...heads })),
};

for (const engine of await engines()) {
  describe(`examples on ${engine.name}`, () => {
    beforeAll(() => engine.use());
    for (const [part, checks] of Object.entries(suites)) {
      describe(part, () => {
        for (const { name, run } of checks) it(name, run);
      });
    }
  });
}

describe("what is peculiar to an example", () => {
  const patch = { width: 1, height: 1, channels: 3 } as const;

  it("stain jitter of no strength gives the picture back, and keeps white white", () => {
    const still = stainJitter({ strength: 0 });
    const colours = Uint8Array.of(180, 90, 160, 255, 255, 255, 40, 40, 120);
    const rng = { between: () => 0 } as unknown as Parameters<typeof still.apply>[1];
    expect(still.apply({ ...patch, width: 3, data: colours }, rng).data).toEqual(colours);
  });

  it("refuses bad options by name", () => {
    expect(() => uniformMasking({ patchSize: 4, hidden: 4 })).toThrow(/^hidden: expected 1, 2 or 3/);
    expect(() => maskedSsim({ window: 4 })).toThrow(/^window: expected an odd number/);
    expect(() => stainJitter({ strength: 2 })).toThrow(/^strength: expected a number from 0 to 1, got 2/);
    expect(() => poolFormer({ imageSize: 8, patchSize: 3, width: 8, depth: 1 })).toThrow(/^patchSize: /);
  });
});
