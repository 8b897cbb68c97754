import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { loadTransformers } from "../../../interop/load.js";
import { makePictures, runsFolder, tiny } from "./testing.js";

const { installed, library } = loadTransformers();

const runs = runsFolder("onnx", (at) => makePictures(at("photos"), 12));

describe.skipIf(!installed)("sit onnx", () => {
  const { env, pipeline } = library;

  it("writes a pretrained network and a fine-tuned classifier for transformers.js", async () => {
    env.allowRemoteModels = false;
    env.localModelPath = runs.at();
    const images = "--data photos --quiet";
    const pretrained = await runs.run(`pretrain ${images} ${tiny} --steps 1 --out pretrained`);
    expect(pretrained.code, pretrained.err).toBe(0);
    const written = await runs.run("onnx pretrained --out features --features token+mean --opset 20 --json");
    expect(written.err).toBe("");
    expect(JSON.parse(written.out.trim().split("\n").at(-1) as string)).toMatchObject({
      command: "onnx",
      out: "features",
      task: "image-feature-extraction",
      classes: null,
    });
    const extract = await pipeline("image-feature-extraction", "features");
    const picture = runs.at("photos", "red", "0.png");
    expect((await extract(picture, { pool: true })).dims).toEqual([1, 32]);

    const network = "--image-size 16 --patch-size 8 --width 16 --depth 1 --heads 2 --engine wasm --workers 0";
    const length = "--batch-size 8 --steps 60 --learning-rate 0.01 --warmup-epochs 0";
    const tuned = await runs.run(`finetune ${images} --from-scratch ${network} ${length} --out tuned`);
    expect(tuned.code, tuned.err).toBe(0);
    const classifier = await runs.run("onnx tuned --out classifier");
    expect(classifier.code, classifier.err).toBe(0);
    expect(classifier.out).toContain("For the pipeline image-classification of transformers.js");
    const classify = await pipeline("image-classification", "classifier");
    for (const colour of ["red", "blue"]) {
      const [best] = await classify(runs.at("photos", colour, "0.png"), { top_k: 1 });
      expect(best?.label).toBe(colour);
    }

    const features = await runs.run("onnx tuned --out other --features mean");
    expect(features.err).toContain("--features: expected a pretrained network with it, got a fine-tuned one");
    const photos = await runs.run("onnx pretrained --out photos");
    expect(photos.err).toContain(
      "photos: expected a new folder, or one of an earlier export to ONNX, got one with",
    );
    const missing = await runs.run("onnx nowhere --out other");
    expect(missing.err).toContain("nowhere");
    expect([features.code, photos.code, missing.code]).toEqual([2, 2, 2]);
    expect(existsSync(runs.at("other"))).toBe(false);
  }, 120_000);
});
