import { cpSync, readdirSync, rmSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { makePictures, runsFolder, tiny } from "./testing.js";

const { at, json, run } = runsFolder("recipe", (at) => makePictures(at("photos"), 12));

const checkpoints = (out: string) => readdirSync(at(out, "checkpoints")).sort();
const sum = (out: string) =>
  json(out, "checkpoints", checkpoints(out).at(-1) as string, "checkpoint.json").file.sha256;

describe("fine-tuning by DeiT's recipe, on larger pictures than in pretraining", () => {
  beforeAll(async () => {
    const pretrain = `pretrain --preset demo-color --data photos ${tiny} --positions learned --steps 2 --out pre --quiet`;
    expect(await run(pretrain)).toMatchObject({ code: 0, err: "" });
    const recipe = "--recipe deit --image-size 24 --average-decay 0.9 --mixup 0.5 --classifier two-layer";
    const finetune = `finetune --checkpoint pre --data photos ${recipe} --steps 6 --batch-size 4 --engine wasm`;
    const tuned = await run(`${finetune} --workers 0 --checkpoint-steps 3 --out tuned`);
    expect(tuned.err).toContain(
      "positions are interpolated: images have 24 pixels a side, 16 in pretraining",
    );
    expect(tuned.code).toBe(0);
  }, 120_000);

  it("has the recipe's settings, and those that were given", () => {
    const { settings, accuracy } = json("tuned", "summary.json");
    expect(settings).toMatchObject({
      ...{ finetuneRecipe: "deit", imageSize: 24, patchSize: 8, mixup: 0.5, cutmix: 1, randAugment: 2 },
      ...{ erasing: 0.25, finetuneDropPath: 0.1, embeddingDecay: "off", finetuneSteps: 6, layerDecay: 1 },
      ...{ averageDecay: 0.9, classifier: "two-layer", pool: "token+mean", finetuneBatchSize: 4 },
    });
    expect(accuracy.top1).toBeGreaterThanOrEqual(0);
  });

  it("goes on from its middle to the same bits, and from its end to the same accuracy of the average", async () => {
    cpSync(at("tuned"), at("cut"), { recursive: true });
    rmSync(at("cut", "summary.json"));
    rmSync(at("cut", "checkpoints", "step-000000006"), { recursive: true });
    expect(await run("finetune --resume --out cut --quiet")).toMatchObject({ code: 0, err: "" });
    expect(checkpoints("cut")).toEqual(checkpoints("tuned"));
    expect(sum("cut")).toBe(sum("tuned"));
    rmSync(at("cut", "summary.json"));
    expect(await run("finetune --resume --recipe deit --out cut --quiet")).toMatchObject({ code: 0 });
    expect(json("cut", "summary.json").accuracy).toEqual(json("tuned", "summary.json").accuracy);
  });

  it("is not another run than it was, and no other network", async () => {
    const other = await run("finetune --resume --out tuned --recipe mae");
    expect(other.err).toMatch(/^sit: --resume: expected the settings .*--recipe deit \(now mae\)/);
    expect(other.code).not.toBe(0);
    const size = await run("finetune --checkpoint pre --data photos --image-size 20 --out none");
    expect(size.err).toContain("sit: --patch-size: expected a divisor of the image size 20, got 8");
  });
});
