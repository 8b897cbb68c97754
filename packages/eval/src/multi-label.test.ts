import { disposeParams, type Params, randomStream } from "@sitjs/core";
import { leakedTensors } from "@sitjs/core/testing";
import { sigmoidCrossEntropy } from "@sitjs/losses";
import { classifierHead, visionTransformer } from "@sitjs/vit";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { type LabelledImages, memoryLoader } from "../test/memory-loader.js";
import { classifier } from "./classifier.js";
import { embed, evaluate, evaluateTargets } from "./embed.js";
import { finetune } from "./finetune.js";

const [size, classes] = [16, 3];
const backbone = visionTransformer({
  imageSize: size,
  patchSize: 4,
  channels: 1,
  width: 32,
  depth: 1,
  heads: 2,
});
const model = classifier(backbone, classifierHead({ kind: "two-layer", width: 32, classes }));

/** Four quarters, each empty or with one of three patterns; shown is what any of them has. */
function mosaics(count: number, seed: number): LabelledImages & { readonly targets: Uint8Array } {
  const rng = randomStream(seed, "mosaics");
  const pixels = rng.fillNormal(new Float32Array(count * size * size)).map((noise) => 0.2 * noise);
  const targets = new Uint8Array(count * classes);
  const patterns = [
    (y: number, _: number) => y % 2,
    (_: number, x: number) => x % 2,
    (y: number, x: number) => (y + x) % 2,
  ];
  for (let image = 0; image < count; image++) {
    for (let quarter = 0; quarter < 4; quarter++) {
      const kind = rng.integer(0, 6); // half of them empty
      const pattern = patterns[kind];
      if (pattern === undefined) continue;
      targets[image * classes + kind] = 1;
      const [top, left] = [8 * (quarter >> 1), 8 * (quarter & 1)];
      for (let y = top; y < top + 8; y++) {
        for (let x = left; x < left + 8; x++) {
          const at = (image * size + y) * size + x;
          pixels[at] = (pixels[at] as number) + 2 * pattern(y, x) - 1;
        }
      }
    }
  }
  return { pixels, size, channels: 1, targets, count };
}

const train = mosaics(96, 0);
const test = mosaics(60, 1);

// The fastest: the loss itself is tested on all of them.
for (const engine of (await engines()).slice(-1)) {
  describe(`several classes an image on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("are learned: every class of new images far above chance, uncounted targets or not", async () => {
      // Of a tenth of the training images nothing counts: what they would teach is wrong.
      const targets = train.targets.map((target, i) => (i % 30 < 3 ? 255 : target));
      let params: Params = {};
      const loss = sigmoidCrossEntropy();
      const loader = memoryLoader({ ...train, targets }, 16);
      const losses: number[] = [];
      for await (const report of finetune(model, loader, {
        loss,
        epochs: 25,
        learningRate: 0.1,
        layerDecay: 1,
      })) {
        params = report.params;
        losses.push(report.loss);
      }
      expect(losses[0]).toBeLessThan(1); // log 2 is guessing
      expect(losses.at(-1)).toBeLessThan(0.35);
      const { mean, perClass, positives, counted, logits } = await evaluateTargets(
        model,
        params,
        memoryLoader(test, 16),
      );
      expect(counted).toEqual([60, 60, 60]);
      perClass.forEach((value, c) => {
        expect((positives[c] as number) / 60).toBeLessThan(0.65);
        expect(value).toBeGreaterThan(0.85);
      });
      expect(mean).toBeGreaterThan(0.9);
      expect(logits).toHaveLength(60 * classes);
      disposeParams(params);
    });

    it("are mixed with those of other images; what does not count in one of them counts in neither", async () => {
      const first = async (targets: Uint8Array) => {
        const options = { loss: sigmoidCrossEntropy(), steps: 1, mixing: { mixup: 1, cutmix: 0 } };
        const loader = memoryLoader({ ...train, targets }, 16);
        const { value } = await finetune(model, loader, options).next();
        if (value === undefined) throw new Error("no step");
        disposeParams(value.params);
        return value.loss;
      };
      // The first and the last image of the batch are mixed: of either all is uncounted, or of both.
      const uncounted = (images: number[]) =>
        train.targets.map((target, i) => (images.includes(Math.floor(i / classes)) ? 255 : target));
      const both = await first(uncounted([0, 15]));
      expect(await first(uncounted([0]))).toBe(both);
      expect(await first(uncounted([15]))).toBe(both);
      expect(await first(train.targets)).not.toBe(both);
    });

    it("leave nothing behind", async () => {
      const pretrained = backbone.init(randomStream(0));
      const leaked = await leakedTensors(async () => {
        const options = { loss: sigmoidCrossEntropy(), steps: 2, pretrained };
        let params: Params = {};
        for await (const report of finetune(model, memoryLoader(train, 16), options)) params = report.params;
        await evaluateTargets(model, params, memoryLoader(test, 16));
        disposeParams(params);
      });
      expect(leaked).toBe(0);
      disposeParams(pretrained);
    });

    it("come with features, and are asked for where they are needed", async () => {
      const params = model.init(randomStream(0));
      const bare = memoryLoader({ ...test, targets: undefined as never }, 16);
      const wide = memoryLoader({ ...test, targets: new Uint8Array(60 * 4) }, 16);
      const own = backbone.init(randomStream(1));
      const { targets, labels } = await embed(backbone, own, memoryLoader(test, 16));
      expect(targets).toEqual(test.targets);
      expect(labels.every((label) => label === -1)).toBe(true);
      await expect(evaluateTargets(model, params, bare)).rejects.toThrow(/expected a loader with targets/);
      await expect(evaluateTargets(model, params, wide)).rejects.toThrow(/60 images and 3 classes, got 240/);
      await expect(evaluate(model, params, memoryLoader(test, 16))).rejects.toThrow(/a loader with labels/);
      const run = finetune(model, wide, { loss: sigmoidCrossEntropy(), steps: 1 });
      await expect(run.next()).rejects.toThrow(/^targets: expected those of 16 images and 3 classes, got 64/);
      disposeParams(params);
      disposeParams(own);
    });
  });
}
