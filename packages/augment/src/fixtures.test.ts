/// <reference types="node" />
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  adjustBrightness,
  adjustContrast,
  adjustHue,
  adjustSaturation,
  blurImage,
  grayscale,
  horizontalFlip,
  type Image,
  imageNetStatistics,
  normalizer,
  resizeCrop,
  solarizeImage,
} from "./index.js";

/** Golden values of Pillow 12.3 (`pil/`), torchvision 0.28 on float tensors (`tensor/`) and scipy 1.17 (`float/`). */
const golden = readSafetensors(new URL("../../../fixtures/augment.safetensors", import.meta.url));

const source: Image = { data: bytes("in/image"), width: 48, height: 40, channels: 3 };
const floatSource: Image = { ...source, data: Float32Array.from(source.data, (level) => level / 255) };

const crops = {
  crop_mild: { top: 5, left: 7, height: 30, width: 36, size: 32 },
  crop_upscale: { top: 2, left: 30, height: 12, width: 10, size: 32 },
  crop_full_down: { top: 0, left: 0, height: 40, width: 48, size: 32 },
  crop_strong_down: { top: 0, left: 0, height: 40, width: 48, size: 12 },
  crop_identity: { top: 4, left: 6, height: 32, width: 32, size: 32 },
  crop_mixed: { top: 1, left: 20, height: 38, width: 17, size: 32 },
  crop_mild_bilinear: { top: 5, left: 7, height: 30, width: 36, size: 32 },
};

const operations: Record<string, (image: Image) => Image> = {
  ...Object.fromEntries(
    Object.entries(crops).map(([name, { size, ...box }]) => [
      name,
      (image: Image) => resizeCrop(image, box, size, name.endsWith("bilinear") ? "bilinear" : "bicubic"),
    ]),
  ),
  hflip: horizontalFlip,
  "brightness_0.6": (image) => adjustBrightness(image, 0.6),
  "brightness_1.4": (image) => adjustBrightness(image, 1.4),
  "contrast_0.6": (image) => adjustContrast(image, 0.6),
  "contrast_1.4": (image) => adjustContrast(image, 1.4),
  "saturation_0.8": (image) => adjustSaturation(image, 0.8),
  "saturation_1.2": (image) => adjustSaturation(image, 1.2),
  "saturation_0.0": (image) => adjustSaturation(image, 0),
  "hue_-0.1": (image) => adjustHue(image, -0.1),
  "hue_0.07": (image) => adjustHue(image, 0.07),
  "hue_0.1": (image) => adjustHue(image, 0.1),
  grayscale: (image) => grayscale(image),
  solarize_128: (image) => solarizeImage(image, 128),
  jitter_chain: (image) =>
    adjustHue(adjustSaturation(adjustContrast(adjustBrightness(image, 1.3), 0.7), 1.15), -0.05),
  "blur_0.3": (image) => blurImage(image, 0.3),
  "blur_0.8": (image) => blurImage(image, 0.8),
  "blur_1.7": (image) => blurImage(image, 1.7),
};

describe("bytes against Pillow", () => {
  it("covers every golden image", () => {
    const named = Object.keys(operations).map((name) => `pil/${name}`);
    expect([...golden.keys()].filter((name) => name.startsWith("pil/")).sort()).toEqual(named.sort());
  });

  // The fixture asks for one level in crops and blur, and none in hue; all of it is met exactly.
  it.each(Object.entries(operations))("%s is exact", (name, operation) => {
    const got = operation(source);
    expect(got.data).toBeInstanceOf(Uint8Array);
    expect(largestDifference(got.data, bytes(`pil/${name}`))).toBe(0);
  });

  it("normalises like ToTensor and Normalize", () => {
    const { size, ...box } = crops.crop_mild;
    const out = new Float32Array(size * size * 3);
    normalizer(imageNetStatistics).write(resizeCrop(source, box, size), out, 0);
    expect(largestDifference(out, interleaved("normalized/crop_mild"))).toBeLessThanOrEqual(5e-7);
  });
});

describe("floats against torchvision's tensor path", () => {
  const names = Object.keys(operations).filter((name) => golden.has(`tensor/${name}`));

  it("covers every golden tensor", () => {
    expect(names).toHaveLength([...golden.keys()].filter((name) => name.startsWith("tensor/")).length);
  });

  it.each(names)("%s", (name) => {
    const got = (operations[name] as (image: Image) => Image)(floatSource);
    expect(got.data).toBeInstanceOf(Float32Array);
    const tolerance = name.startsWith("hue") || name === "jitter_chain" ? 2e-5 : 1e-5;
    expect(largestDifference(got.data, interleaved(`tensor/${name}`))).toBeLessThanOrEqual(tolerance);
  });

  it.each(["0.3", "0.8", "1.7"])("Gaussian of %s pixels against scipy", (sigma) => {
    const got = blurImage(floatSource, Number(sigma));
    expect(largestDifference(got.data, interleaved(`float/gaussian_${sigma}`))).toBeLessThanOrEqual(1e-6);
  });
});

interface Tensor {
  dtype: string;
  shape: number[];
  bytes: Uint8Array;
}

function readSafetensors(url: URL): Map<string, Tensor> {
  const file = readFileSync(url);
  const headerLength = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString("utf8", 8, 8 + headerLength)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = new Map<string, Tensor>();
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const start = 8 + headerLength;
    tensors.set(name, {
      dtype,
      shape,
      bytes: new Uint8Array(file.subarray(start + offsets[0], start + offsets[1])),
    });
  }
  return tensors;
}

function bytes(name: string): Uint8Array {
  const tensor = golden.get(name);
  if (tensor?.dtype !== "U8") throw new Error(`no byte tensor ${name}`);
  return tensor.bytes;
}

/** A stored [channel, row, column] tensor as [row, column, channel]. */
function interleaved(name: string): Float32Array {
  const tensor = golden.get(name);
  if (tensor?.dtype !== "F32") throw new Error(`no float tensor ${name}`);
  const values = new Float32Array(tensor.bytes.buffer, tensor.bytes.byteOffset, tensor.bytes.byteLength / 4);
  const [channels, height, width] = tensor.shape as [number, number, number];
  const plane = height * width;
  return Float32Array.from(
    values,
    (_, i) => values[(i % channels) * plane + Math.floor(i / channels)] as number,
  );
}

function largestDifference(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(got.length).toBe(expected.length);
  let largest = 0;
  for (let i = 0; i < got.length; i++) {
    const difference = Math.abs((got[i] as number) - (expected[i] as number));
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}
