import { SitError } from "@sitjs/core/errors";
import { randomStream } from "@sitjs/core/random";
import { afterEach, describe, expect, it, vi } from "vitest";
import { resizeCoefficients } from "./coefficients.js";
import {
  adjustBrightness,
  adjustContrast,
  adjustHue,
  adjustSaturation,
  blurImage,
  grayscale,
  type Image,
  normalizer,
  resizeImage,
  solarizeImage,
  toChannels,
} from "./index.js";
import { kernelBinary } from "./kernel-binary.js";

/**
 * Sides around the width of a vector, lines shorter and longer than one, and pictures larger than the pieces that the
 * kernels take at a time.
 */
const sides: [width: number, height: number][] = [
  [1, 1],
  [1, 9],
  [5, 1],
  [4, 4],
  [5, 7],
  [16, 3],
  [17, 33],
  [31, 16],
  [211, 173],
];
const pictures = sides.flatMap(([width, height]) => [picture(width, height, 1), picture(width, height, 3)]);
// Black and white only: sums and overshoot at their extremes.
pictures.push(picture(31, 16, 3, (level) => (level < 128 ? 0 : 255)));
const each = pictures.map(
  (image) => [`${image.width} x ${image.height} x ${image.channels}`, image] as const,
);

function picture(width: number, height: number, channels: 1 | 3, map = (level: number) => level): Image {
  const rng = randomStream(0, "kernels", width, height, channels);
  const data = Uint8Array.from({ length: width * height * channels }, () => map(rng.integer(0, 256)));
  return { data, width, height, channels };
}

/** The value at (x, y), edges repeated. */
function at({ data, width, height, channels }: Image, x: number, y: number, channel: number): number {
  const column = Math.min(Math.max(x, 0), width - 1);
  const row = Math.min(Math.max(y, 0), height - 1);
  return data[(row * width + column) * channels + channel] as number;
}

function make(
  like: Image,
  width: number,
  height: number,
  value: (x: number, y: number, c: number) => number,
) {
  const { channels } = like;
  const data = Uint8Array.from({ length: width * height * channels }, (_, i) => {
    const pixel = Math.floor(i / channels);
    return value(pixel % width, Math.floor(pixel / width), i % channels);
  });
  return { data, width, height, channels };
}

const luma = (image: Image, x: number, y: number) =>
  (19595 * at(image, x, y, 0) + 38470 * at(image, x, y, 1) + 7471 * at(image, x, y, 2) + 32768) >> 16;
const pixelwise = (image: Image, value: (x: number, y: number, channel: number) => number) =>
  make(image, image.width, image.height, value);
const blend = (base: number, value: number, factor: number) => {
  const mixed = Math.fround(base + Math.fround(Math.fround(factor) * (value - base)));
  return Math.trunc(Math.min(Math.max(mixed, 0), 255));
};

/** How many values differ; the same sides and kinds of array are expected. Quicker than comparing all in one go. */
function differences(got: Image["data"], expected: Image["data"]): number {
  expect(got.constructor).toBe(expected.constructor);
  expect(got.length).toBe(expected.length);
  let count = 0;
  for (let i = 0; i < got.length; i++) if (!Object.is(got[i], expected[i])) count++;
  return count;
}

function expectSame(got: Image, expected: Image): void {
  expect({ ...got, data: undefined }).toEqual({ ...expected, data: undefined });
  expect(differences(got.data, expected.data)).toBe(0);
}

describe("the compiled kernels", () => {
  it("are what their sources compile to", async () => {
    const { compileKernels } = await import(new URL("../kernels/build.mjs", import.meta.url).href);
    expect(await compileKernels()).toContain(`"${kernelBinary}"`);
  });

  afterEach(() => vi.unstubAllGlobals());

  it("say what is missing where WebAssembly has no vectors", async () => {
    vi.resetModules();
    class Module {
      constructor() {
        throw new SyntaxError("invalid type v128");
      }
    }
    vi.stubGlobal("WebAssembly", { ...WebAssembly, Module });
    const { kernels } = await import("./kernels.js");
    const failure = failureOf(kernels);
    expect(SitError.isInstance(failure)).toBe(true);
    expect(failure).toMatchObject({
      code: "engine-unavailable",
      message: "image operations: expected WebAssembly with SIMD, got none",
    });
  });
});

function failureOf(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return error;
  }
}

describe("against the formulas", () => {
  it.each(each)("resizing %s", (_, image) => {
    for (const [width, height] of [
      [1, 1],
      [7, 40],
      [33, 5],
    ] as const) {
      for (const interpolation of ["bicubic", "bilinear"] as const) {
        const between =
          width === image.width
            ? image
            : make(image, width, image.height, (x, y, c) =>
                resampled(image.width, width, interpolation, x, (i) => at(image, i, y, c)),
              );
        const expected =
          height === image.height
            ? between
            : make(image, width, height, (x, y, c) =>
                resampled(image.height, height, interpolation, y, (i) => at(between, x, i, c)),
              );
        expectSame(resizeImage(image, { height, width }, interpolation), expected);
      }
    }
  });

  function resampled(
    input: number,
    output: number,
    interpolation: "bicubic" | "bilinear",
    place: number,
    value: (i: number) => number,
  ): number {
    const { starts, counts, taps, weights } = resizeCoefficients(input, output, interpolation);
    let sum = 2 ** 21;
    for (let k = 0; k < (counts[place] as number); k++) {
      const weight = weights[place * taps + k] as number;
      const rounded = Math.sign(weight) * Math.floor(Math.abs(weight) * 2 ** 22 + 0.5);
      sum += rounded * value((starts[place] as number) + k);
    }
    return Math.min(Math.max(Math.floor(sum / 2 ** 22), 0), 255);
  }

  it.each(each)("blurring %s", (_, image) => {
    for (const sigma of [0.4, 1.2, 1.9, 9]) {
      // The three-fold box of the same variance (Gwosdek et al. 2011).
      const variance = sigma ** 2 / 3;
      const whole = Math.floor((Math.sqrt(12 * variance + 1) - 1) / 2);
      const rest =
        ((2 * whole + 1) * (whole * (whole + 1) - 3 * variance)) / (6 * (variance - (whole + 1) ** 2));
      const half = Math.fround(whole + rest);
      const radius = Math.trunc(half);
      const inner = Math.trunc(Math.fround(2 ** 24 / Math.fround(half * 2 + 1)));
      const outer = Math.trunc((2 ** 24 - (2 * radius + 1) * inner) / 2);
      const weighed = (value: (offset: number) => number) => {
        let sum = 2 ** 23 + outer * (value(-radius - 1) + value(radius + 1));
        for (let k = -radius; k <= radius; k++) sum += inner * value(k);
        return Math.floor(sum / 2 ** 24);
      };
      let expected = image;
      for (let pass = 0; pass < 6; pass++) {
        const from = expected;
        expected = pixelwise(from, (x, y, c) =>
          weighed((k) => (pass < 3 ? at(from, x + k, y, c) : at(from, x, y + k, c))),
        );
      }
      expectSame(blurImage(image, sigma), expected);
    }
  });

  it.each(each)("colours of %s", (_, image) => {
    const { data, width, height, channels } = image;
    const levels = (map: (level: number) => number): Image => ({ ...image, data: data.map(map) });
    const greys = pixelwise({ ...image, channels: 1 }, (x, y) =>
      channels === 1 ? at(image, x, y, 0) : luma(image, x, y),
    );
    const sum = greys.data.reduce((total, level) => total + level, 0);
    const mean = Math.floor(sum / (width * height) + 0.5);
    for (const factor of [0, 0.3, 1.7, 1e6]) {
      expectSame(
        adjustBrightness(image, factor),
        levels((level) => blend(0, level, factor)),
      );
      expectSame(
        adjustContrast(image, factor),
        levels((level) => blend(mean, level, factor)),
      );
      if (channels === 1) continue;
      const saturated = pixelwise(image, (x, y, c) => blend(at(greys, x, y, 0), at(image, x, y, c), factor));
      expectSame(adjustSaturation(image, factor), saturated);
    }
    for (const threshold of [0, 0.5, 1, 128, 255, 256]) {
      expectSame(
        solarizeImage(image, threshold),
        levels((level) => (level < threshold ? level : 255 - level)),
      );
    }
    if (channels === 1) return;
    expectSame(toChannels(image, 1), greys);
    expectSame(
      grayscale(image),
      pixelwise(image, (x, y) => at(greys, x, y, 0)),
    );
  });

  it.each(each)("normalising %s", (_, image) => {
    const { data, width, channels } = image;
    const statistics = { mean: [0.1, 0.2, 0.3], deviation: [0.5, 0.25, 2] };
    const f = Math.fround;
    for (const mirrored of [false, true]) {
      const out = new Float32Array(width * image.height * 3);
      normalizer(statistics).write(image, out, 0, mirrored);
      const expected = out.map((_, i) => {
        const pixel = Math.floor(i / 3);
        const x = pixel % width;
        const from = mirrored ? pixel - x + width - 1 - x : pixel;
        const level = data[from * channels + (channels === 1 ? 0 : i % 3)] as number;
        const [mean, deviation] = [statistics.mean[i % 3] as number, statistics.deviation[i % 3] as number];
        return f(f(f(level / 255) - f(mean)) / f(deviation));
      });
      expect(differences(out, expected)).toBe(0);
    }
  });

  it("the hue of every colour there is", () => {
    // All greens and blues for one red at a time.
    const data = new Uint8Array(256 * 256 * 3);
    for (let red = 0; red < 256; red++) {
      for (let i = 0; i < 65536; i++) {
        data[3 * i] = red;
        data[3 * i + 1] = i >> 8;
        data[3 * i + 2] = i & 255;
      }
      const shift = (red % 64) / 63 - 0.5;
      const got = adjustHue({ data, width: 256, height: 256, channels: 3 }, shift).data;
      const turn = Math.trunc(shift * 255);
      let different = 0;
      for (let i = 0; i < 65536; i++) {
        const [r, g, b] = turned(red, i >> 8, i & 255, turn);
        if (got[3 * i] !== r || got[3 * i + 1] !== g || got[3 * i + 2] !== b) different++;
      }
      expect(different).toBe(0);
    }
  });

  /** Pillow's conversions to HSV bytes and back, with the kinds of float that its C code uses. */
  function turned(red: number, green: number, blue: number, turn: number): readonly number[] {
    const f = Math.fround;
    const high = Math.max(red, green, blue);
    const chroma = high - Math.min(red, green, blue);
    if (chroma === 0) return [high, high, high];
    const saturation = Math.trunc(f(chroma / high) * 255);
    const [r, g, b] = [f((high - red) / chroma), f((high - green) / chroma), f((high - blue) / chroma)];
    const sixths = f(red === high ? b - g : green === high ? 2 + r - b : 4 + g - r);
    const circle = f((sixths / 6 + 1) % 1);
    const hue = (Math.trunc(circle * 255) + turn) & 255;
    const place = (hue * 6) / 255;
    const within = f(place - Math.floor(place));
    const strength = f(saturation / 255);
    const p = Math.floor(high * (1 - strength) + 0.5);
    const q = Math.floor(high * (1 - f(strength * within)) + 0.5);
    const t = Math.floor(high * (1 - strength * (1 - within)) + 0.5);
    const sixth = Math.floor(place) % 6;
    return [
      [high, t, p],
      [q, high, p],
      [p, high, t],
      [p, q, high],
      [t, p, high],
      [high, p, q],
    ][sixth] as number[];
  }
});
