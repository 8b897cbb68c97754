import { SitError } from "@sitjs/core/errors";
import { randomStream } from "@sitjs/core/random";
import { describe, expect, it } from "vitest";
import {
  adjustBrightness,
  adjustContrast,
  adjustSaturation,
  adjustSharpness,
  applyViews,
  autoContrast,
  createTransform,
  createViews,
  equalizeImage,
  type Image,
  invertImage,
  posterizeImage,
  type RandAugmentOptions,
  randAugment,
  randomErasing,
  rotateImage,
  shearX,
  shearY,
  solarizeAdd,
  solarizeImage,
  trainView,
  translateImage,
} from "./index.js";

/** Waves, with 11 to 240 of the levels in use, so that every operation does something. */
const picture = (channels: 1 | 3): Image => ({
  data: Uint8Array.from({ length: 30 * 24 * channels }, (_, i) => {
    const [x, y] = [Math.floor(i / channels) % 30, Math.floor(i / channels / 30)];
    return Math.round(125 + 114 * Math.sin(0.4 * x + (i % channels)) * Math.cos(0.3 * y + x * (i % 2)));
  }),
  width: 30,
  height: 24,
  channels,
});

const text = ({ data }: Image) => Array.from(data).join();

/** All that one operation can come to at strength `s` (magnitude 10 s), by name. */
function outcomes(image: Image, s: number, increasing: boolean): Map<string, string[]> {
  const fill = { fill: [128] };
  const ways = (make: (sign: number) => Image) => [1, -1].map((sign) => text(make(sign)));
  const blend = (adjust: (image: Image, factor: number) => Image) =>
    increasing
      ? ways((sign) => adjust(image, Math.max(0.1, 1 + sign * 0.9 * s)))
      : [text(adjust(image, 0.1 + 1.8 * s))];
  const bits = Math.trunc(4 * s);
  const threshold = Math.trunc(256 * s);
  return new Map(
    Object.entries({
      autoContrast: [text(autoContrast(image))],
      equalize: [text(equalizeImage(image))],
      invert: [text(invertImage(image))],
      rotate: ways((sign) => rotateImage(image, sign * 30 * s, fill)),
      posterize: [text(posterizeImage(image, increasing ? 4 - bits : bits))],
      solarize: [text(solarizeImage(image, increasing ? 256 - threshold : threshold))],
      solarizeAdd: [text(solarizeAdd(image, Math.trunc(110 * s)))],
      color: blend(adjustSaturation),
      contrast: blend(adjustContrast),
      brightness: blend(adjustBrightness),
      sharpness: blend(adjustSharpness),
      shearX: ways((sign) => shearX(image, sign * 0.3 * s, fill)),
      shearY: ways((sign) => shearY(image, sign * 0.3 * s, fill)),
      translateX: ways((sign) => translateImage(image, sign * 0.45 * s * 30, 0, fill)),
      translateY: ways((sign) => translateImage(image, 0, sign * 0.45 * s * 24, fill)),
    }),
  );
}

describe("randAugment", () => {
  it("has DeiT's rand-m9-mstd0.5-inc1 as its defaults", () => {
    expect(randAugment()).toEqual({
      ...{ name: "randAugment", operations: 2, magnitude: 9, deviation: 0.5, probability: 0.5 },
      ...{ increasing: true, fill: [128], interpolation: "bicubic" },
    });
  });

  it.each([true, false])(
    "draws each of fifteen operations alike, both ways (increasing %s)",
    async (increasing) => {
      const image = picture(3);
      const known = outcomes(image, 0.7, increasing);
      const options = { operations: 1, magnitude: 7, deviation: 0, probability: 1, increasing };
      const transform = await createTransform(randAugment(options));
      const seen = new Map<string, number>();
      const N = 1500;
      for (let i = 0; i < N; i++) {
        const got = text(transform.apply(image, randomStream(0, i)));
        for (const [name, results] of known) {
          const way = results.indexOf(got);
          if (way !== -1) seen.set(`${name} ${way}`, (seen.get(`${name} ${way}`) ?? 0) + 1);
        }
      }
      for (const [name, results] of known) {
        results.forEach((_, way) => {
          const expected = N / 15 / results.length;
          expect(Math.abs((seen.get(`${name} ${way}`) ?? 0) - expected)).toBeLessThan(
            5 * Math.sqrt(expected),
          );
        });
      }
      expect([...seen.values()].reduce((sum, count) => sum + count, 0)).toBe(N);
    },
  );

  it("does an operation by its probability, and none where there are none", async () => {
    const image = picture(3);
    const unchanged = async (options: RandAugmentOptions) => {
      const transform = await createTransform(randAugment({ magnitude: 5, ...options }));
      const results = Array.from({ length: 600 }, (_, i) => transform.apply(image, randomStream(1, i)));
      return results.filter((result) => text(result) === text(image)).length / 600;
    };
    expect(await unchanged({ operations: 0 })).toBe(1);
    expect(await unchanged({ probability: 0 })).toBe(1);
    expect(Math.abs((await unchanged({})) - 0.25)).toBeLessThan(5 * Math.sqrt((0.25 * 0.75) / 600));
  });

  it("draws magnitudes around its own, within the scale", async () => {
    // Of a black picture, brightness stays and adding shows the magnitude: 11 levels for each.
    const black: Image = { data: new Uint8Array(4), width: 2, height: 2, channels: 1 };
    const added = async (magnitude: number, deviation: number) => {
      const options = { operations: 1, probability: 1, magnitude, deviation };
      const transform = await createTransform(randAugment({ ...options, fill: [0] }));
      const levels = Array.from(
        { length: 6000 },
        (_, i) => transform.apply(black, randomStream(2, i)).data[0],
      );
      return levels.filter((level) => level !== 0 && level !== 255) as number[];
    };
    const around = await added(5, 1);
    const mean = around.reduce((sum, level) => sum + level, 0) / around.length;
    // Truncated to whole levels: half a level less.
    expect(Math.abs(mean - 54.5)).toBeLessThan((5 * 11) / Math.sqrt(around.length));
    expect(Math.max(...(await added(9, 3)))).toBe(110);
  });

  it("is the same for the same stream, on grey pictures and floats too, and leaves the source", async () => {
    const transform = await createTransform(randAugment());
    for (const channels of [1, 3] as const) {
      const image = picture(channels);
      const before = text(image);
      const floats = { ...image, data: Float32Array.from(image.data, (level) => level / 255) };
      for (let i = 0; i < 40; i++) {
        const got = transform.apply(image, randomStream(3, i));
        expect(text(transform.apply(image, randomStream(3, i)))).toBe(text(got));
        expect(text(transform.apply(floats, randomStream(3, i)))).toBe(text(got));
        expect([got.width, got.height, got.channels]).toEqual([30, 24, channels]);
      }
      expect(text(image)).toBe(before);
    }
  });

  it.each<[RandAugmentOptions, string]>([
    [{ operations: 1.5 }, "randAugment.operations: expected a whole number"],
    [{ magnitude: 11 }, "randAugment.magnitude: expected a number from 0 to 10"],
    [{ deviation: -1 }, "randAugment.deviation: expected a number of at least 0"],
    [{ probability: 2 }, "randAugment.probability: expected a number from 0 to 1"],
    [{ increasing: 1 as unknown as boolean }, "randAugment.increasing: expected true or false"],
    [{ fill: [1, 2] }, "randAugment.fill: expected 1 or 3 whole levels"],
    [{ interpolation: "nearest" as "bicubic" }, "randAugment.interpolation: expected"],
  ])("refuses %j", (options, message) => {
    expect(() => randAugment(options)).toThrow(SitError);
    expect(() => randAugment(options)).toThrow(message);
  });
});

describe("random erasing of a view", () => {
  const size = 20;
  const grey: Image = { data: new Uint8Array(400).fill(200), width: size, height: size, channels: 1 };
  const statistics = { mean: [0.5], deviation: [0.25] };
  const white = (200 / 255 - 0.5) / 0.25;

  /** The normalised pixels of so many samples of a picture of one level. */
  async function views(erasing: ReturnType<typeof randomErasing> | undefined, samples: number) {
    const made = await createViews(trainView({ size, ...statistics, scale: [1, 1], erasing }));
    return Array.from({ length: samples }, (_, i) => {
      const out = new Float32Array(size * size);
      applyViews(made, grey, randomStream(0, "augment", 0, i), [out]);
      return out;
    });
  }
  const erased = (pixels: Float32Array) => pixels.filter((value) => Math.abs(value - white) > 1e-5).length;

  it("erases one rectangle of some samples, within the bounds of area and aspect", async () => {
    const samples = await views(randomErasing({ fill: 0 }), 1000);
    const hit = samples.filter((pixels) => erased(pixels) > 0);
    expect(Math.abs(hit.length / 1000 - 0.25)).toBeLessThan(5 * Math.sqrt((0.25 * 0.75) / 1000));
    for (const pixels of hit) {
      const at = [...pixels].flatMap((value, i) => (value === 0 ? [i] : []));
      const rows = new Set(at.map((i) => Math.floor(i / size)));
      const columns = new Set(at.map((i) => i % size));
      expect(at.length).toBe(rows.size * columns.size);
      const within = { low: 0.02 * 400 * 0.6, high: (400 / 3) * 1.15 }; // sides are rounded to whole pixels
      expect(at.length).toBeGreaterThan(within.low);
      expect(at.length).toBeLessThan(within.high);
      expect(rows.size / columns.size).toBeLessThan(1 / 0.3 + 1.2);
    }
  });

  it("puts in standard normal values, or the value that was asked for", async () => {
    const noise = (await views(randomErasing({ probability: 1 }), 300)).flatMap((pixels) =>
      [...pixels].filter((value) => Math.abs(value - white) > 1e-5),
    );
    const mean = noise.reduce((sum, value) => sum + value, 0) / noise.length;
    const variance = noise.reduce((sum, value) => sum + value ** 2, 0) / noise.length;
    expect(Math.abs(mean)).toBeLessThan(5 / Math.sqrt(noise.length));
    expect(Math.abs(variance - 1)).toBeLessThan(5 * Math.sqrt(2 / noise.length));
    const [first] = await views(randomErasing({ probability: 1, fill: -3 }), 1);
    expect(first?.filter((value) => value === -3).length).toBeGreaterThan(0);
  });

  it("draws by itself: the rest of the view is as without it, and the same each time", async () => {
    const erasing = randomErasing({ probability: 1, fill: 9 });
    const view = (more: object) => trainView({ size, ...statistics, randAugment: {}, ...more });
    const image = picture(1);
    const made = async (more: object) => {
      const out = new Float32Array(size * size);
      applyViews(await createViews(view(more)), image, randomStream(5), [out]);
      return out;
    };
    const [plain, once, twice] = [await made({}), await made({ erasing }), await made({ erasing })];
    expect(twice).toEqual(once);
    expect(once.every((value, i) => value === 9 || value === plain[i])).toBe(true);
    expect(once).toContain(9);
  });

  it.each<[object, string]>([
    [{ probability: 2 }, "erasing.probability: expected a number from 0 to 1"],
    [{ area: [0, 0.3] }, "erasing.area: expected [low, high] with 0 < low <= high <= 1"],
    [{ aspect: [2, 1] }, "erasing.aspect: expected [low, high] with 0 < low <= high"],
    [{ fill: "black" }, 'erasing.fill: expected "noise" or a number'],
  ])("refuses %j, in a view too", async (options, message) => {
    expect(() => randomErasing(options)).toThrow(message);
    const [spec] = trainView({ size, ...statistics });
    const erasing = { ...randomErasing(), ...options };
    await expect(createViews([{ ...spec, erasing }])).rejects.toThrow(message);
  });
});

describe("trainView", () => {
  it("is as ever without RandAugment and erasing", () => {
    const [view] = trainView({ size: 8 });
    expect(Object.keys(view)).not.toContain("erasing");
    expect(view.transforms.map(({ name }) => name)).toEqual(["randomResizedCrop", "randomHorizontalFlip"]);
  });

  it("fills with the mean colour, and interpolates as the crop", () => {
    const [view] = trainView({ size: 8, interpolation: "bilinear", randAugment: { magnitude: 5 } });
    expect(view.transforms[2]).toEqual(
      randAugment({ fill: [124, 116, 104], interpolation: "bilinear", magnitude: 5 }),
    );
  });
});
