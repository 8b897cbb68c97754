import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createViews, evalView, imageNetStatistics } from "@sitjs/augment";
import { randomStream, readSafetensors } from "@sitjs/core";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { evaluationPreprocessing, formatPreprocessing } from "./index.js";
import { readPreprocessing } from "./preprocessing.js";

const file = (name: string) =>
  fileURLToPath(new URL(`../../../fixtures/preprocessing/${name}`, import.meta.url));
const { mean, deviation } = imageNetStatistics;

/** The photograph as our own evaluation gives it to a network of this size, before it is normalised. */
async function ownLevels(size: number): Promise<Uint8Array> {
  const { data, info } = await sharp(file("temple.png")).raw().toBuffer({ resolveWithObject: true });
  expect(info).toMatchObject({ width: 240, height: 160, channels: 3 });
  const [view] = await createViews(evalView({ size }));
  const image = { data: new Uint8Array(data), width: 240, height: 160, channels: 3 } as const;
  const rendered = view?.render(image, randomStream(0));
  expect(rendered).toMatchObject({ width: size, height: size, channels: 3 });
  return rendered?.data as Uint8Array;
}

/** What transformers' processor has made of it, as rows of our layout. */
function theirLevels(size: number): Uint8Array {
  const { data } = readSafetensors(readFileSync(file("pixels.safetensors"))).tensors[`levels/${size}`] as {
    data: Uint8Array;
  };
  return Uint8Array.from({ length: data.length }, (_, i) => {
    const [channel, pixel] = [i % 3, Math.floor(i / 3)];
    return data[channel * size * size + pixel] as number;
  });
}

const farthest = (one: Uint8Array, other: Uint8Array) => {
  expect(one.length).toBe(other.length);
  return one.reduce((most, level, i) => Math.max(most, Math.abs(level - (other[i] as number))), 0);
};

describe("preprocessor_config.json of our evaluation", () => {
  it.each([48, 80, 96])("for images of %d pixels is the one that transformers was given", (size) => {
    const preprocessing = evaluationPreprocessing({ size, mean, std: deviation });
    const json = formatPreprocessing(preprocessing, 3);
    expect(json).toEqual(JSON.parse(readFileSync(file(`${size}.json`), "utf8")));
    expect(readPreprocessing(json, "file")).toEqual(preprocessing);
  });

  it.each([48, 96])(
    "gives transformers the pixels that we see, to one level of 255 (%d pixels)",
    async (size) => {
      expect(farthest(await ownLevels(size), theirLevels(size))).toBeLessThanOrEqual(1);
    },
  );

  it("lets transformers cut one pixel beside us where an odd number is cut away", async () => {
    // 91 rows: torchvision and we leave 6 above, transformers 5.
    const row = 80 * 3;
    const [ours, theirs] = [await ownLevels(80), theirLevels(80)];
    expect(farthest(ours.subarray(0, -row), theirs.subarray(row))).toBeLessThanOrEqual(1);
  });

  it("is refused with numbers that are not one a channel, and with others than the usual scale", () => {
    const grey = evaluationPreprocessing({ size: 28, mean: [0.5], std: [0.5] });
    expect(() => formatPreprocessing(grey, 3)).toThrow(/mean: expected 3 numbers/);
    expect(() => evaluationPreprocessing({ size: 28, mean, std: deviation, cropRatio: 2 })).toThrow(
      /cropRatio/,
    );
    const json = { ...formatPreprocessing(grey, 1), rescale_factor: 1 / 127.5 };
    expect(() => readPreprocessing(json, "file")).toThrow(/rescale_factor: expected 1 \/ 255, got 0.0078/);
  });

  it("may squash, or cut from a square, as those of others do", () => {
    const both = {
      size: 32,
      shorterSide: undefined,
      mean,
      std: deviation,
      interpolation: "bilinear",
    } as const;
    const squashed = formatPreprocessing(both, 3);
    expect(squashed).toMatchObject({
      image_processor_type: "ViTImageProcessor",
      size: { height: 32, width: 32 },
    });
    expect(readPreprocessing(squashed, "file")).toEqual(both);
    const older = { size: 256, do_center_crop: true, crop_size: 224, image_mean: mean, image_std: deviation };
    expect(readPreprocessing(older, "file")).toMatchObject({ size: 224, shorterSide: 256 });
  });
});
