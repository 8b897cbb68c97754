// The pretext tasks on real images as they come from the real loader: the loss falls, and nobody guesses as well.
import { trainView } from "@sitjs/augment";
import { batches } from "@sitjs/data";
import { chrominanceL2, crossEntropy, maskedL2 } from "@sitjs/losses";
import {
  allRotations,
  centralHole,
  grayscale,
  jigsawPermutations,
  jigsawTiles,
  relativePositionTiles,
} from "@sitjs/masking";
import { perceptronHead, pixelShuffleHead, reconstructionHead, visionTransformer } from "@sitjs/vit";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { colourImages, greyImages, type LearningImages } from "../test/real-images.js";
import type { Method } from "./method.js";
import { colorization } from "./methods/colorization.js";
import { contextEncoder } from "./methods/context-encoder.js";
import { jigsawPuzzle } from "./methods/jigsaw.js";
import { relativePositionPrediction } from "./methods/relative-position.js";
import { rotationPrediction } from "./methods/rotation.js";
import { pretrain } from "./pretrain.js";
import { disposeState } from "./step.js";

const width = 32;
const [grey, colour] = [await greyImages(256), await colourImages(256)];
type Color = readonly [number, number, number];
const statistics = { mean: colour.statistics.mean as Color, deviation: colour.statistics.deviation as Color };

const backboneFor = ({ size, channels }: LearningImages, patchSize: number) =>
  visionTransformer({
    imageSize: size,
    patchSize,
    channels,
    width,
    depth: 2,
    heads: 2,
    dropPath: 0,
    initialization: "xavier",
  });
const head = (inputs: number, output: number) =>
  perceptronHead({ width: inputs, hidden: [64], output, initialization: "xavier" });

/** The means of each metric in the first and in the last tenth of a run. */
async function learn(method: Method, images: LearningImages, steps: number, batchSize: number) {
  const { dataset, size, statistics } = images;
  const views = trainView({ size, scale: [0.67, 1], flip: 0, ...statistics });
  const loader = batches(dataset, { views, batchSize, seed: 1, workers: 0 });
  const seen: Readonly<Record<string, number>>[] = [];
  const schedules = { learningRate: () => 2e-3 };
  for await (const { metrics, state, step } of pretrain(method, loader, { steps, schedules })) {
    seen.push({ ...metrics });
    if (step + 1 === steps) disposeState(state);
  }
  const tenth = Math.floor(steps / 10);
  const mean = (name: string, part: typeof seen) =>
    part.reduce((sum, metrics) => sum + (metrics[name] as number), 0) / part.length;
  return (name: string) => ({
    before: mean(name, seen.slice(0, tenth)),
    after: mean(name, seen.slice(-tenth)),
  });
}

/** What guessing reaches in fewer than one of 30,000 runs: four standard deviations above its mean. */
const luckyGuesses = (classes: number, samples: number) =>
  1 / classes + 4 * Math.sqrt((1 / classes) * (1 - 1 / classes) * (1 / samples));

for (const engine of await engines()) {
  describe(`pretext tasks learn on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("which way up clothes are", async () => {
      const method = rotationPrediction({
        backbone: backboneFor(grey, 7),
        head: head(width, 4),
        loss: crossEntropy(),
        rotate: allRotations,
      });
      const of = await learn(method, grey, 100, 8);
      expect(of("loss").after).toBeLessThan(0.9 * of("loss").before);
      expect(of("accuracy").after).toBeGreaterThan(luckyGuesses(4, 10 * 4 * 8));
    });

    it("in which order the tiles of clothes are", async () => {
      const permutations = jigsawPermutations(4);
      const method = jigsawPuzzle({
        backbone: backboneFor(grey, 4),
        head: head(9 * width, permutations.length),
        loss: crossEntropy(),
        tiles: jigsawTiles({ permutations, gap: 1 }),
      });
      const of = await learn(method, grey, 60, 16);
      expect(of("loss").after).toBeLessThan(0.8 * of("loss").before);
      expect(of("accuracy").after).toBeGreaterThan(luckyGuesses(4, 6 * 16));
    });

    it("where a neighbour of a piece of clothing is", async () => {
      const method = relativePositionPrediction({
        backbone: backboneFor(grey, 4),
        head: head(2 * width, 8),
        loss: crossEntropy(),
        tiles: relativePositionTiles({ patchSize: 8, gap: 1, jitter: 1 }),
      });
      const of = await learn(method, grey, 100, 32);
      expect(of("loss").after).toBeLessThan(0.95 * of("loss").before);
      expect(of("accuracy").after).toBeGreaterThan(luckyGuesses(8, 10 * 32));
    });

    it("to paint the middle of colour pictures: the loss falls", async () => {
      const method = contextEncoder({
        backbone: backboneFor(colour, 8),
        corruption: centralHole(),
        head: reconstructionHead({ width, patchSize: 8, hidden: 64, initialization: "xavier" }),
        loss: maskedL2(),
      });
      const of = await learn(method, colour, 60, 16);
      expect(of("loss").after).toBeLessThan(0.9 * of("loss").before);
    });

    it("to colour pictures: the loss falls", async () => {
      const method = colorization({
        backbone: backboneFor(colour, 8),
        corruption: grayscale(statistics),
        head: pixelShuffleHead({ width, patchSize: 8 }),
        loss: chrominanceL2(statistics),
      });
      const of = await learn(method, colour, 60, 16);
      expect(of("loss").after).toBeLessThan(0.9 * of("loss").before);
    });
  });
}
