import type { RandomStream } from "@sitjs/core/random";
import { randomStream } from "@sitjs/core/random";
import { describe, expect, it } from "vitest";
import {
  centerCrop,
  colorJitter,
  compose,
  createTransform,
  gaussianBlur,
  horizontalFlip,
  type Image,
  moduleTransform,
  pad,
  randomCrop,
  randomGrayscale,
  randomHorizontalFlip,
  randomResizedCrop,
  resize,
  resizeToCover,
  solarize,
  type Transform,
  type TransformSpec,
} from "./index.js";
import { drawResizedCrop } from "./transforms.js";

const image: Image = {
  data: Uint8Array.from({ length: 12 * 8 * 3 }, (_, i) => (i * 37) % 256),
  width: 12,
  height: 8,
  channels: 3,
};
const stream = (...path: (string | number)[]) => randomStream(0, "test", ...path);

/** How often `happened` over `count` streams, and the five-sigma bound of that share. */
async function share(spec: TransformSpec, happened: (result: Image) => boolean, probability: number) {
  const transform = await createTransform(spec);
  const count = 4000;
  let hits = 0;
  for (let i = 0; i < count; i++) if (happened(transform.apply(image, stream(i)))) hits++;
  return { share: hits / count, bound: 5 * Math.sqrt((probability * (1 - probability)) / count) };
}

describe("random resized crop", () => {
  const draws = (width: number, height: number, scale: [number, number], ratio: [number, number]) =>
    Array.from({ length: 4000 }, (_, i) => drawResizedCrop({ width, height }, { scale, ratio }, stream(i)));

  it("takes a uniform share of the area", () => {
    const areas = draws(1000, 1000, [0.2, 1], [1, 1]).map((box) => (box.width * box.height) / 1e6);
    const sorted = [...areas].sort((a, b) => a - b);
    // Kolmogorov–Smirnov distance to the uniform distribution; 1.95 / sqrt(n) is exceeded once in a thousand times.
    const distance = Math.max(
      ...sorted.map((area, i) => Math.abs((area - 0.2) / 0.8 - (i + 0.5) / sorted.length)),
    );
    expect(distance).toBeLessThan(1.95 / Math.sqrt(sorted.length));
  });

  it("takes a log-uniform aspect", () => {
    const limit = Math.log(4 / 3);
    const logs = draws(2000, 2000, [0.1, 0.4], [3 / 4, 4 / 3]).map((box) => Math.log(box.width / box.height));
    const sorted = logs.sort((a, b) => a - b);
    const distance = Math.max(
      ...sorted.map((value, i) => Math.abs((value + limit) / (2 * limit) - (i + 0.5) / sorted.length)),
    );
    expect(distance).toBeLessThan(1.95 / Math.sqrt(sorted.length));
  });

  it("reaches every place, and never leaves the image", () => {
    const boxes = draws(6, 5, [0.1, 0.4], [3 / 4, 4 / 3]);
    const covered = new Set<number>();
    for (const { top, left, width, height } of boxes) {
      expect(top >= 0 && left >= 0 && top + height <= 5 && left + width <= 6).toBe(true);
      for (let y = top; y < top + height; y++)
        for (let x = left; x < left + width; x++) covered.add(y * 6 + x);
    }
    expect(covered.size).toBe(30);
  });

  it("falls back to the largest centred rectangle of an allowed aspect", () => {
    const fit = (width: number, height: number) =>
      drawResizedCrop({ width, height }, { scale: [1, 1], ratio: [3 / 4, 4 / 3] }, stream());
    expect(fit(300, 30)).toEqual({ top: 0, left: 130, width: 40, height: 30 });
    expect(fit(30, 300)).toEqual({ top: 130, left: 0, width: 30, height: 40 });
    expect(fit(1, 1)).toEqual({ top: 0, left: 0, width: 1, height: 1 });
    expect(fit(1, 500)).toMatchObject({ width: 1, height: 1 });
  });

  it("gives the asked size from any picture", async () => {
    const transform = await createTransform(randomResizedCrop({ size: { height: 7, width: 9 } }));
    for (const [width, height] of [
      [1, 1],
      [1, 90],
      [90, 1],
      [33, 44],
    ] as const) {
      const source: Image = { data: new Uint8Array(width * height), width, height, channels: 1 };
      expect(transform.apply(source, stream())).toMatchObject({ width: 9, height: 7, channels: 1 });
    }
  });
});

describe("probabilities", () => {
  const changed = (result: Image) => result.data.some((value, i) => value !== image.data[i]);
  it.each<[string, TransformSpec, number]>([
    ["flip 0.5", randomHorizontalFlip(), 0.5],
    ["flip 0.2", randomHorizontalFlip({ probability: 0.2 }), 0.2],
    ["grey 0.2", randomGrayscale(), 0.2],
    ["blur 0.1", gaussianBlur({ probability: 0.1, sigma: [1, 2] }), 0.1],
    ["solarise 0.2", solarize(), 0.2],
    ["jitter 0.8", colorJitter({ brightness: [0.5, 0.5], probability: 0.8 }), 0.8],
    ["never", solarize({ probability: 0 }), 0],
    ["always", randomHorizontalFlip({ probability: 1 }), 1],
  ])("%s", async (_, spec, probability) => {
    const got = await share(spec, changed, probability);
    expect(Math.abs(got.share - probability)).toBeLessThanOrEqual(got.bound);
  });
});

describe("colour jitter", () => {
  it("uses both orders of brightness and contrast equally often", async () => {
    // Contrast 0 leaves the mean m; before doubling it gives min(255, 2m), after it the mean of the clipped doubles.
    const spec = colorJitter({ brightness: [2, 2], contrast: [0, 0] });
    const transform = await createTransform(spec);
    const grey: Image = { data: Uint8Array.from([0, 200]), width: 2, height: 1, channels: 1 };
    let contrastFirst = 0;
    for (let i = 0; i < 2000; i++) {
      const level = transform.apply(grey, stream(i)).data[0];
      expect([200, 128]).toContain(level);
      if (level === 200) contrastFirst++;
    }
    expect(Math.abs(contrastFirst / 2000 - 0.5)).toBeLessThan(5 * Math.sqrt(0.25 / 2000));
  });

  it("draws factors evenly from the range that an amount means", async () => {
    const transform = await createTransform(colorJitter({ brightness: 0.4 }));
    const grey: Image = { data: Uint8Array.from([100]), width: 1, height: 1, channels: 1 };
    const levels = Array.from({ length: 3000 }, (_, i) => transform.apply(grey, stream(i)).data[0] as number);
    expect(Math.min(...levels)).toBe(60);
    expect(Math.max(...levels)).toBe(139);
    const mean = levels.reduce((sum, level) => sum + level, 0) / levels.length;
    // Truncation to whole levels takes half a level off.
    expect(Math.abs(mean - 99.5)).toBeLessThan((5 * 80) / Math.sqrt(12 * levels.length));
  });

  it("leaves all alone when no amount is given", async () => {
    const transform = await createTransform(colorJitter({}));
    expect(transform.apply(image, stream()).data).toEqual(image.data);
  });
});

describe("streams", () => {
  /** A plugin that writes down what it draws. */
  const recorder = (name: string, log: Map<string, number>): Transform => ({
    name,
    apply(input: Image, rng: RandomStream) {
      log.set(`${name}${log.has(name) ? "+" : ""}`, rng.uniform());
      return input;
    },
  });

  it("gives a transform the same draws whatever else is in the pipeline", async () => {
    const draw = async (names: string[]) => {
      const log = new Map<string, number>();
      const parts = names.map((name) => recorder(name, log));
      // In-process plugins go into compose too; the type asks for plain data because a worker gets it.
      const all = await createTransform(compose(parts as unknown as TransformSpec[]));
      all.apply(image, stream("pipeline"));
      return log;
    };
    const full = await draw(["a", "b", "b", "c"]);
    expect(new Set(full.values()).size).toBe(4);
    expect((await draw(["b", "c"])).get("c")).toBe(full.get("c"));
    expect((await draw(["c", "b", "b"])).get("b+")).toBe(full.get("b+"));
  });

  it("repeats with the same seed and differs with another", async () => {
    const transform = await createTransform(
      compose([randomResizedCrop({ size: 6 }), colorJitter({ brightness: 0.4, hue: 0.1 }), gaussianBlur()]),
    );
    const once = transform.apply(image, stream(1));
    expect(transform.apply(image, stream(1))).toEqual(once);
    expect(transform.apply(image, stream(2))).not.toEqual(once);
  });
});

describe("random crop", () => {
  it("takes every place of the padded image, and says when there is none", async () => {
    const transform = await createTransform(randomCrop({ size: 3, padding: 1, fill: 9 }));
    const small: Image = { data: Uint8Array.from([1, 2, 3, 4]), width: 2, height: 2, channels: 1 };
    const padded = pad(small, 1, 9);
    const corners = new Set<string>();
    for (let i = 0; i < 100; i++) corners.add(transform.apply(small, stream(i)).data.join());
    const expected = [0, 1].flatMap((top) =>
      [0, 1].map((left) =>
        [0, 1, 2].flatMap((y) => [0, 1, 2].map((x) => padded.data[(top + y) * 4 + left + x])).join(),
      ),
    );
    expect([...corners].sort()).toEqual(expected.sort());
    const tight = await createTransform(randomCrop({ size: 5 }));
    expect(() => tight.apply(small, stream())).toThrow(/at least 5 x 5 after padding, got 2 x 2/);
  });
});

describe("options", () => {
  it.each<[string, () => TransformSpec]>([
    ["resize.size", () => resize({ size: -3 })],
    ["resize.interpolation", () => resize({ size: 3, interpolation: "nearest" as "bicubic" })],
    ["resizeToCover.size", () => resizeToCover({ size: Number.NaN })],
    ["centerCrop.size", () => centerCrop({ size: { height: 1, width: 0 } })],
    ["randomCrop.padding", () => randomCrop({ size: 3, padding: 0.5 })],
    ["randomCrop.fill", () => randomCrop({ size: 3, fill: 256 })],
    ["randomResizedCrop.size", () => randomResizedCrop({ size: 0 })],
    ["randomResizedCrop.scale", () => randomResizedCrop({ size: 3, scale: [0.5, 0.2] })],
    ["randomResizedCrop.scale", () => randomResizedCrop({ size: 3, scale: [0.5, 1.2] })],
    ["randomResizedCrop.scale", () => randomResizedCrop({ size: 3, scale: [0, 0] })],
    ["randomResizedCrop.ratio", () => randomResizedCrop({ size: 3, ratio: [0, 1] })],
    ["randomHorizontalFlip.probability", () => randomHorizontalFlip({ probability: 1.1 })],
    ["colorJitter.brightness", () => colorJitter({ brightness: -1 })],
    ["colorJitter.hue", () => colorJitter({ hue: 0.7 })],
    ["colorJitter.probability", () => colorJitter({ probability: Number.NaN })],
    ["randomGrayscale.probability", () => randomGrayscale({ probability: -0.1 })],
    ["gaussianBlur.sigma", () => gaussianBlur({ sigma: [2, 1] })],
    ["solarize.threshold", () => solarize({ threshold: -1 })],
    ["module.url", () => moduleTransform({ url: "./mine.js" })],
  ])("%s", (option, make) => {
    expect(make).toThrow(expect.objectContaining({ code: "bad-option" }));
    expect(make).toThrow(new RegExp(`^${option}: expected`));
  });

  it("refuses hand-written data that are not complete or not known", async () => {
    const unknown = { name: "posterize" } as unknown as TransformSpec;
    await expect(createTransform(unknown)).rejects.toThrow(/^transform\.name: expected .*got "posterize"/);
    const partial = { name: "randomHorizontalFlip" } as unknown as TransformSpec;
    await expect(createTransform(partial)).rejects.toThrow(/^randomHorizontalFlip\.probability: expected/);
  });
});

describe("module transforms", () => {
  const url = (source: string) => `data:text/javascript,${encodeURIComponent(source)}`;

  it("loads a factory and hands it the options", async () => {
    const source = `export const darken = ({ by }) => ({
      name: "darken",
      apply: (image) => ({ ...image, data: image.data.map((v) => v * by) }),
    });`;
    const spec = moduleTransform({ url: url(source), export: "darken", options: { by: 0.5 } });
    expect(JSON.parse(JSON.stringify(spec))).toEqual(spec);
    const transform = await createTransform(spec);
    expect(transform.apply(image, stream()).data).toEqual(image.data.map((value) => value * 0.5));
  });

  it("says what is wrong with a module", async () => {
    const load = (source: string) => createTransform(moduleTransform({ url: url(source) }));
    await expect(load("export const a = 1;")).rejects.toThrow(
      /function exported as "default", got undefined/,
    );
    await expect(load("export default () => 3;")).rejects.toThrow(
      /expected { name, apply\(image, rng\) }, got 3/,
    );
    const missing = moduleTransform({ url: "file:///nowhere/at/all.js" });
    await expect(createTransform(missing)).rejects.toThrow(expect.objectContaining({ code: "missing-file" }));
  });
});

it("takes a transform object as it is", async () => {
  const plugin: Transform = { name: "mirror", apply: horizontalFlip };
  expect(await createTransform(plugin)).toBe(plugin);
});
