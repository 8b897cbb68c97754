import { randomStream } from "@sitjs/core/random";
import { describe, expect, it } from "vitest";
import {
  adjustBrightness,
  adjustContrast,
  adjustHue,
  adjustSaturation,
  blurImage,
  centerCropImage,
  channelStatistics,
  checkImage,
  crop,
  grayscale,
  horizontalFlip,
  type Image,
  normalizer,
  pad,
  resizeCrop,
  resizeImage,
  resizeToCoverImage,
  solarizeImage,
  toChannels,
} from "./index.js";

function picture(width: number, height: number, channels: 1 | 3, name = "picture"): Image {
  const rng = randomStream(0, name, width, height, channels);
  const data = Uint8Array.from({ length: width * height * channels }, () => rng.integer(0, 256));
  return { data, width, height, channels };
}

function constant(level: number, channels: 1 | 3): Image {
  return { data: new Uint8Array(11 * 7 * channels).fill(level), width: 11, height: 7, channels };
}

const whole = ({ width, height }: Image) => ({ top: 0, left: 0, width, height });
const allOperations: [string, (image: Image) => Image][] = [
  ["resize", (image) => resizeImage(image, 28)],
  ["resize, bilinear", (image) => resizeImage(image, { height: 3, width: 5 }, "bilinear")],
  ["resizeToCover", (image) => resizeToCoverImage(image, 9)],
  ["centerCrop", (image) => centerCropImage(image, 4)],
  ["pad", (image) => pad(image, 2)],
  ["crop", (image) => crop(image, whole(image))],
  ["flip", horizontalFlip],
  ["brightness", (image) => adjustBrightness(image, 1.3)],
  ["contrast", (image) => adjustContrast(image, 0.7)],
  ["saturation", (image) => adjustSaturation(image, 1.2)],
  ["hue", (image) => adjustHue(image, 0.1)],
  ["grayscale", (image) => grayscale(image)],
  ["blur", (image) => blurImage(image, 1.5)],
  ["solarize", (image) => solarizeImage(image)],
];

describe("all operations", () => {
  it.each(allOperations)("%s leaves its input alone and gives a fitting image", (_, operation) => {
    for (const image of [
      picture(17, 9, 3),
      picture(17, 9, 1),
      picture(1, 1, 3),
      picture(1, 1, 1),
      picture(1, 6, 1),
    ]) {
      const before = image.data.slice();
      const result = operation(image);
      expect(image.data).toEqual(before);
      expect(result.data).toBeInstanceOf(Uint8Array);
      expect(result.channels).toBe(image.channels);
      expect(() => checkImage(result)).not.toThrow();
    }
  });

  it.each(allOperations)("%s takes a canvas's clamped bytes as bytes", (_, operation) => {
    const image = picture(17, 9, 3);
    const clamped: Image = { ...image, data: Uint8ClampedArray.from(image.data) };
    expect(operation(clamped)).toEqual(operation(image));
  });

  it.each(allOperations)(
    "%s on floats stays within two levels of bytes on smooth pictures",
    (name, operation) => {
      // The 8-bit hue and the box recipe of the blur are coarser by nature: the fixtures say by how much.
      const allowed = name === "hue" ? 8 : name === "blur" ? 6 : 2;
      const smooth = blurImage(resizeImage(picture(6, 5, 3), { height: 20, width: 24 }), 2);
      const floats: Image = { ...smooth, data: Float32Array.from(smooth.data, (level) => level / 255) };
      const expected = operation(smooth).data;
      const got = operation(floats).data;
      expect(got).toBeInstanceOf(Float32Array);
      const near = Math.max(
        ...Array.from(got, (value, i) => Math.abs(value * 255 - (expected[i] as number))),
      );
      // Solarising jumps at its threshold, which rounding decides; here both see the same levels.
      expect(near).toBeLessThanOrEqual(allowed);
    },
  );
});

describe("resizing", () => {
  it.each([1, 3] as const)("keeps a constant picture constant, %d channels", (channels) => {
    for (const level of [0, 93, 255]) {
      for (const size of [1, 4, 28, 60]) {
        expect(new Set(resizeImage(constant(level, channels), size).data)).toEqual(new Set([level]));
      }
    }
  });

  it("treats each channel like a grey picture", () => {
    const colour = picture(31, 23, 3);
    const box = { top: 3, left: 5, height: 15, width: 20 };
    const result = resizeCrop(colour, box, { height: 9, width: 33 });
    for (let channel = 0; channel < 3; channel++) {
      const grey: Image = { ...colour, channels: 1, data: colour.data.filter((_, i) => i % 3 === channel) };
      const expected = resizeCrop(grey, box, { height: 9, width: 33 }).data;
      expect(result.data.filter((_, i) => i % 3 === channel)).toEqual(expected);
    }
  });

  it("does not look outside the box", () => {
    const image = picture(40, 30, 3);
    const box = { top: 4, left: 6, height: 20, width: 25 };
    expect(resizeCrop(image, box, 14)).toEqual(resizeImage(crop(image, box), 14));
  });

  it("averages pairs exactly where bilinear halves a ramp", () => {
    // Triangle of half-width 2 at the border: weights 3/4 and 1/4 of 1, normalised over (1, 3, 3, 1) cut to three taps.
    const ramp: Image = { data: Uint8Array.from([0, 70, 140, 210]), width: 4, height: 1, channels: 1 };
    const expected = [(0 * 3 + 70 * 3 + 140) / 7, (70 + 140 * 3 + 210 * 3) / 7].map(Math.round);
    expect([...resizeImage(ramp, { height: 1, width: 2 }, "bilinear").data]).toEqual(expected);
  });

  it("covers a size with the aspect kept, the longer side truncated", () => {
    expect(resizeToCoverImage(picture(50, 37, 3), 16)).toMatchObject({ height: 16, width: 21 });
    expect(resizeToCoverImage(picture(37, 50, 1), 16)).toMatchObject({ height: 21, width: 16 });
    expect(resizeToCoverImage(picture(20, 20, 1), { height: 8, width: 12 })).toMatchObject({
      height: 12,
      width: 12,
    });
  });

  it("cuts the middle, with a border where the picture is too small", () => {
    const image: Image = { data: Uint8Array.from([1, 2, 3, 4, 5, 6]), width: 3, height: 2, channels: 1 };
    expect([...centerCropImage(image, { height: 2, width: 1 }).data]).toEqual([2, 5]);
    expect([...centerCropImage(image, { height: 1, width: 5 }).data]).toEqual([0, 1, 2, 3, 0]);
  });

  it.each([
    ["box", () => resizeCrop(picture(4, 4, 1), { top: 1, left: 0, height: 4, width: 4 }, 8)],
    ["box", () => crop(picture(4, 4, 1), { top: 0, left: 0, height: 0, width: 4 })],
    ["size", () => resizeImage(picture(4, 4, 1), 0)],
    ["size", () => resizeImage(picture(4, 4, 1), { height: 4, width: 2.5 })],
    ["interpolation", () => resizeImage(picture(4, 4, 1), 8, "cubic" as "bicubic")],
    ["padding", () => pad(picture(4, 4, 1), -1)],
    ["brightness", () => adjustBrightness(picture(4, 4, 1), -1)],
    ["contrast", () => adjustContrast(picture(4, 4, 1), Number.NaN)],
    ["hue", () => adjustHue(picture(4, 4, 3), 0.6)],
    ["sigma", () => blurImage(picture(4, 4, 3), -1)],
    ["threshold", () => solarizeImage(picture(4, 4, 3), 300)],
    ["into", () => adjustHue(picture(4, 4, 3), 0.1, picture(3, 4, 3))],
    ["mean", () => normalizer({ mean: [0, 0], deviation: [1, 1] })],
    ["deviation", () => normalizer({ mean: [0], deviation: [0] })],
    ["deviation", () => normalizer({ mean: [0, 0, 0], deviation: [1] })],
    ["images", () => channelStatistics([])],
  ])("names the bad option: %s", (option, act) => {
    expect(act).toThrow(new RegExp(`^${option}: expected`));
  });

  it.each([
    [{ ...picture(4, 4, 1), width: 5 }, /expected 20 values.*got 16/],
    [{ ...picture(4, 4, 1), channels: 4 as 1 }, /1 or 3 channels, got 4 x 4 x 4/],
    [{ ...picture(4, 4, 1), height: 0 }, /positive integer sides/],
  ])("refuses an image whose data do not fit", (image, message) => {
    expect(() => checkImage(image, "cat.png")).toThrow(message);
    expect(() => checkImage(image, "cat.png")).toThrow(/^cat\.png: /);
  });
});

describe("colour", () => {
  it("changes nothing at the neutral settings", () => {
    const image = picture(20, 20, 3);
    expect(adjustBrightness(image, 1).data).toEqual(image.data);
    expect(adjustContrast(image, 1).data).toEqual(image.data);
    expect(adjustSaturation(image, 1).data).toEqual(image.data);
    expect(solarizeImage(image, 256).data).toEqual(image.data);
  });

  it("is grey at saturation 0, the mean at contrast 0, black at brightness 0", () => {
    const image = picture(20, 20, 3);
    const grey = grayscale(image);
    expect(adjustSaturation(image, 0).data).toEqual(grey.data);
    const levels = Array.from(grey.data).filter((_, i) => i % 3 === 0);
    const mean = Math.floor(levels.reduce((sum, level) => sum + level, 0) / levels.length + 0.5);
    expect(new Set(adjustContrast(image, 0).data)).toEqual(new Set([mean]));
    expect(new Set(adjustBrightness(image, 0).data)).toEqual(new Set([0]));
  });

  it("turns red to green to blue by thirds of the circle", () => {
    const red: Image = { data: Uint8Array.from([255, 0, 0]), width: 1, height: 1, channels: 3 };
    const float: Image = { ...red, data: Float32Array.from([1, 0, 0]) };
    expect([...adjustHue(red, 1 / 3).data]).toEqual([0, 255, 0]);
    // Pillow's hue wraps at 256 steps while its circle has 255, so a turn back lands one step beside blue.
    expect([...adjustHue(red, -1 / 3).data]).toEqual([6, 0, 255]);
    for (const [i, expected] of [0, 1, 0].entries())
      expect(adjustHue(float, 1 / 3).data[i]).toBeCloseTo(expected, 6);
  });

  it("leaves one channel alone where colour is changed", () => {
    const image = picture(9, 9, 1);
    for (const result of [adjustSaturation(image, 0.3), adjustHue(image, 0.4), grayscale(image)]) {
      expect(result.data).toEqual(image.data);
    }
  });

  it("works in place like into a new image", () => {
    const image = picture(20, 20, 3);
    for (const operation of [adjustBrightness, adjustContrast, adjustSaturation]) {
      const expected = operation(image, 1.4).data;
      const own: Image = { ...image, data: image.data.slice() };
      expect(operation(own, 1.4, own)).toBe(own);
      expect(own.data).toEqual(expected);
    }
  });

  it("changes the number of channels", () => {
    const image = picture(5, 4, 3);
    const one = toChannels(image, 1);
    expect(one.channels).toBe(1);
    expect(toChannels(one, 3).data).toEqual(grayscale(image).data);
    expect(toChannels(image, 3)).toBe(image);
  });
});

describe("blur", () => {
  it("keeps a constant picture, copies at 0, and spreads a point with the variance asked for", () => {
    expect(new Set(blurImage(constant(200, 3), 4).data)).toEqual(new Set([200]));
    const noise = picture(9, 8, 3);
    expect(blurImage(noise, 0).data).toEqual(noise.data);
    for (const sigma of [0.9, 2, 5]) {
      const width = 101;
      // A wide bar instead of a point, so that 8 bits resolve it: its edges' slope is the kernel.
      const step: Image = {
        data: Uint8Array.from({ length: width }, (_, x) => (x < 50 ? 0 : 255)),
        width,
        height: 1,
        channels: 1,
      };
      const blurred = blurImage(step, sigma).data;
      let variance = 0;
      let total = 0;
      for (let x = 1; x < width; x++) {
        const slope = (blurred[x] as number) - (blurred[x - 1] as number);
        total += slope;
        variance += slope * (x - 50) ** 2;
      }
      expect(Math.sqrt(variance / total) / sigma).toBeCloseTo(1, 1);
    }
  });

  it("does the same to a mirror image, whatever the radius", () => {
    for (const channels of [1, 3] as const) {
      const image = picture(23, 14, channels);
      for (const sigma of [0.3, 1, 1.9, 6, 40]) {
        expect(horizontalFlip(blurImage(image, sigma))).toEqual(blurImage(horizontalFlip(image), sigma));
      }
    }
  });

  it("does not depend on the size of an earlier picture", () => {
    const image = picture(12, 10, 3);
    const first = blurImage(image, 1.8).data;
    blurImage(picture(60, 50, 3), 3);
    resizeImage(picture(60, 50, 3), 20);
    expect(blurImage(image, 1.8).data).toEqual(first);
  });
});

describe("normalising", () => {
  it("writes at an offset, mirrored or not, and nothing else", () => {
    const image = picture(4, 3, 3);
    const [mean, deviation] = [
      [0.1, 0.2, 0.3],
      [0.5, 0.25, 2],
    ] as const;
    const { write } = normalizer({ mean, deviation });
    const out = new Float32Array(36 + 10).fill(7);
    write(image, out, 5);
    expect(out.filter((value) => value === 7)).toHaveLength(10);
    for (let i = 0; i < 36; i++) {
      const channel = (i % 3) as 0 | 1 | 2;
      const expected = ((image.data[i] as number) / 255 - mean[channel]) / deviation[channel];
      expect(out[5 + i]).toBeCloseTo(expected, 5);
    }
    const mirrored = new Float32Array(36);
    const flipped = new Float32Array(36);
    write(image, mirrored, 0, true);
    write(horizontalFlip(image), flipped, 0);
    expect(mirrored).toEqual(flipped);
  });

  it("makes the data set's pixels mean 0 and deviation 1 by its own statistics", () => {
    const images = [picture(9, 7, 3, "a"), picture(5, 5, 3, "b")];
    const { write } = normalizer(channelStatistics(images));
    const values = images.flatMap((image) => {
      const out = new Float32Array(image.data.length);
      write(image, out, 0);
      return Array.from(out);
    });
    for (let channel = 0; channel < 3; channel++) {
      const own = values.filter((_, i) => i % 3 === channel);
      const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
      const variance = own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / own.length;
      expect(mean).toBeCloseTo(0, 5);
      expect(variance).toBeCloseTo(1, 5);
    }
  });

  it("fills three channels from a grey picture and refuses the reverse", () => {
    const grey = picture(3, 3, 1);
    const colour = toChannels(grey, 3);
    const { write } = normalizer({ mean: [0.1, 0.2, 0.3], deviation: [1, 1, 1] });
    const [a, b] = [new Float32Array(27), new Float32Array(27)];
    write(grey, a, 0);
    write(colour, b, 0);
    expect(a).toEqual(b);
    const narrow = normalizer({ mean: [0], deviation: [1] });
    expect(() => narrow.write(colour, a, 0)).toThrow(/^image\.channels: expected 1, got 3/);
  });
});
