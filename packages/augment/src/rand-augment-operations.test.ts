/// <reference types="node" />
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  adjustBrightness,
  adjustContrast,
  adjustSaturation,
  adjustSharpness,
  autoContrast,
  equalizeImage,
  type Image,
  invertImage,
  posterizeImage,
  rotateImage,
  shearX,
  shearY,
  solarizeAdd,
  solarizeImage,
  translateImage,
} from "./index.js";

interface Golden {
  width: number;
  height: number;
  channels: 1 | 3;
  fill: number[];
  data: string;
  expected: Record<string, string>;
}

/** Golden values of Pillow 12.3; `make.py` beside them has made them. */
const { pictures } = JSON.parse(
  readFileSync(new URL("../../../fixtures/rand-augment/expected.json", import.meta.url), "utf8"),
) as { pictures: Record<string, Golden> };

const bytes = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"));

/** An operation as the fixture names it: `rotate bilinear 13`. */
function run(name: string, image: Image, fill: number[]): Image {
  const [operation, ...rest] = name.split(" ");
  const amount = Number(rest.at(-1));
  const options = { fill, interpolation: rest[0] === "bilinear" ? "bilinear" : "bicubic" } as const;
  switch (operation) {
    case "autoContrast":
      return autoContrast(image);
    case "equalize":
      return equalizeImage(image);
    case "invert":
      return invertImage(image);
    case "rotate":
      return rotateImage(image, amount, options);
    case "posterize":
      return posterizeImage(image, amount);
    case "solarize":
      return solarizeImage(image, amount);
    case "solarizeAdd":
      return solarizeAdd(image, amount);
    case "color":
      return adjustSaturation(image, amount);
    case "contrast":
      return adjustContrast(image, amount);
    case "brightness":
      return adjustBrightness(image, amount);
    case "sharpness":
      return adjustSharpness(image, amount);
    case "shearX":
      return shearX(image, amount, options);
    case "shearY":
      return shearY(image, amount, options);
    case "translateX":
      return translateImage(image, amount, 0, options);
    case "translateY":
      return translateImage(image, 0, amount, options);
    default:
      throw new Error(`no operation ${name}`);
  }
}

describe.each(Object.entries(pictures))("the picture %s, byte for byte as Pillow", (_, golden) => {
  const { width, height, channels, fill, data, expected } = golden;
  it.each(Object.keys(expected))("%s", (name) => {
    const source = { data: bytes(data), width, height, channels };
    const got = run(name, source, fill);
    expect(Array.from(got.data)).toEqual(Array.from(bytes(expected[name] as string)));
    expect(source.data).toEqual(bytes(data));
  });
});

describe("bad options", () => {
  const image: Image = { data: new Uint8Array(12), width: 2, height: 2, channels: 3 };
  const floats: Image = { ...image, data: new Float32Array(12) };
  it.each<[string, () => Image]>([
    ["bits: expected a whole number from 0 to 8", () => posterizeImage(image, 9)],
    ["bits: expected a whole number from 0 to 8", () => posterizeImage(image, 1.5)],
    ["amount: expected a number of levels", () => solarizeAdd(image, -1)],
    ["sharpness: expected a factor of at least 0", () => adjustSharpness(image, -0.1)],
    ["interpolation: expected", () => rotateImage(image, 3, { interpolation: "nearest" as "bicubic" })],
    ["image.data: expected bytes", () => invertImage(floats)],
    ["image.data: expected bytes", () => shearX(floats, 0.1)],
  ])("%s", (message, wrong) => {
    expect(wrong).toThrow(message);
  });
});
