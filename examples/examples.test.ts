// The examples keep to the contracts, and so do the parts that the guide "Write your own" shows.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import {
  backboneChecks,
  type Check,
  corruptionChecks,
  methodChecks,
  reconstructionLossChecks,
  transformChecks,
} from "@sitjs/core/testing";
import { maskedL1 } from "@sitjs/losses";
import { gmml } from "@sitjs/masking";
import { mocoHeads, reconstructionHead, visionTransformer } from "@sitjs/vit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { engines } from "../fixtures/engines.js";
import { byol } from "./byol.js";
import { maskedSsim } from "./masked-ssim.js";
import { poolFormer } from "./pool-former.js";
import stainJitter from "./stain-jitter.mjs";
import { uniformMasking } from "./uniform-masking.js";

/** The functions that the guide's snippets export, by their names; its blocks are modules. */
const shown: Record<string, (...options: never[]) => never> = {};
const folder = new URL("../dist/guide/", import.meta.url);
const guide = readFileSync(new URL("../docs/guide/write-your-own.md", import.meta.url), "utf8");
mkdirSync(folder, { recursive: true });
for (const [i, [, language, code]] of [...guide.matchAll(/^```(ts|js)\n(.*?)^```$/gms)].entries()) {
  if (!/^export (default )?function/m.test(code)) continue;
  const file = fileURLToPath(new URL(`${i}.${language}`, folder));
  writeFileSync(file, code);
  for (const [name, made] of Object.entries(await import(file))) {
    const { name: own } = made as { readonly name: string };
    shown[name === "default" ? own : name] = made as (...options: never[]) => never;
  }
}
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const { band, maskedHuber, scanLines, patchwise, denoising } = shown;

const backbone = () => visionTransformer({ imageSize: 8, patchSize: 4, width: 8, depth: 1, heads: 2 });
const parts = () => ({
  backbone: backbone(),
  corruption: gmml(),
  head: reconstructionHead({ width: 8, patchSize: 4, hidden: 8 }),
  loss: maskedL1(),
});
const heads = mocoHeads({ width: 8, hidden: 8, output: 4 });

const wider = mocoHeads({ width: 8, hidden: 12, output: 4 });
const small = { imageSize: 8, patchSize: 2, width: 8, depth: 2 };

const suites: Record<string, readonly Check[]> = {
  "uniform masking": corruptionChecks(() => uniformMasking({ patchSize: 4 }), {
    cell: 4,
    share: [0.75, 0.75],
    others: {
      patchSize: () => uniformMasking({ patchSize: 2 }),
      hidden: () => uniformMasking({ patchSize: 4, hidden: 2 }),
    },
  }),
  "masked SSIM": reconstructionLossChecks(() => maskedSsim({ window: 3 }), {
    step: 2e-3,
    others: { window: () => maskedSsim(), weight: () => maskedSsim({ window: 3, weight: 0.5 }) },
  }),
  "stain jitter": transformChecks(() => stainJitter(), {
    channels: [3],
    others: { strength: () => stainJitter({ strength: 0.3 }) },
  }),
  PoolFormer: backboneChecks(() => poolFormer(small), {
    others: {
      pool: () => poolFormer({ ...small, pool: 1 }),
      depth: () => poolFormer({ ...small, depth: 1 }),
    },
  }),
  BYOL: methodChecks(() => byol({ backbone: backbone(), ...heads }), {
    others: { predictor: () => byol({ backbone: backbone(), ...heads, predictor: wider.predictor }) },
  }),
  "the guide's band": corruptionChecks(() => band(), {
    share: [0.4, 0.6],
    others: { share: () => band({ share: 0.4 } as never) },
  }),
  "the guide's loss": reconstructionLossChecks(() => maskedHuber(), {
    others: { delta: () => maskedHuber({ delta: 2 } as never) },
  }),
  "the guide's scan lines": transformChecks(() => scanLines(), {
    others: { strength: () => scanLines({ strength: 0.3 } as never) },
  }),
  "the guide's backbone": backboneChecks(() => patchwise({ imageSize: 8, patchSize: 4, width: 8 } as never), {
    others: { width: () => patchwise({ imageSize: 8, patchSize: 4, width: 4 } as never) },
  }),
  "the guide's method": methodChecks(() => denoising(parts() as never), {
    others: { corruption: () => denoising({ ...parts(), corruption: gmml({ noise: {} }) } as never) },
  }),
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
