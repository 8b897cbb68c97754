import { randomStream } from "@sitjs/core/random";
import { describe, expect, it } from "vitest";
import {
  applyViews,
  contrastiveView,
  createViews,
  evalView,
  horizontalFlip,
  type Image,
  imageNetStatistics,
  normalizer,
  randomHorizontalFlip,
  resizeImage,
  sitViews,
  type Transform,
  type TransformSpec,
  toChannels,
  trainView,
  type ViewSpec,
} from "./index.js";

function picture(width: number, height: number, channels: 1 | 3): Image {
  const rng = randomStream(0, "picture", width, height, channels);
  const data = Uint8Array.from({ length: width * height * channels }, () => rng.integer(0, 256));
  return { data, width, height, channels };
}
const grey = { mean: [0.286], deviation: [0.353] };
const sample = (index: number) => randomStream(7, "augment", 0, index);
const find = (view: ViewSpec, name: TransformSpec["name"]) =>
  view.transforms.find((one) => one.name === name);

async function run(specs: readonly ViewSpec<TransformSpec | Transform>[], image: Image, index = 0) {
  const views = await createViews(specs);
  const out = views.map((view) => new Float32Array(view.length));
  applyViews(views, image, sample(index), out);
  return out;
}

describe("specifications", () => {
  it("are SiT's published settings", () => {
    const [first, second] = sitViews({ size: 224 });
    expect([first.name, second.name]).toEqual(["view1", "view2"]);
    for (const view of [first, second]) {
      expect(view.transforms.map((one) => one.name)).toEqual([
        "randomResizedCrop",
        "randomHorizontalFlip",
        "colorJitter",
        "randomGrayscale",
        "gaussianBlur",
        "solarize",
      ]);
      expect(find(view, "randomResizedCrop")).toMatchObject({
        scale: [0.2, 1],
        ratio: [3 / 4, 4 / 3],
        interpolation: "bicubic",
      });
      expect(find(view, "randomHorizontalFlip")).toMatchObject({ probability: 0.5 });
      expect(find(view, "colorJitter")).toMatchObject({
        brightness: [0.6, 1.4],
        contrast: [0.6, 1.4],
        saturation: [0.8, 1.2],
        hue: [-0.1, 0.1],
        probability: 0.8,
      });
      expect(find(view, "randomGrayscale")).toMatchObject({ probability: 0.2 });
      expect(view).toMatchObject(imageNetStatistics);
    }
    expect(find(first, "gaussianBlur")).toMatchObject({ probability: 1, sigma: [0.1, 2] });
    expect(find(second, "gaussianBlur")).toMatchObject({ probability: 0.1 });
    expect(find(first, "solarize")).toMatchObject({ probability: 0, threshold: 128 });
    expect(find(second, "solarize")).toMatchObject({ probability: 0.2 });
  });

  it("have a preset for small pictures", () => {
    for (const view of sitViews({ size: 28, preset: "small", ...grey })) {
      expect(find(view, "gaussianBlur")).toMatchObject({ probability: 0 });
      expect(find(view, "colorJitter")).toMatchObject({
        brightness: [0.6, 1.4],
        saturation: [0.6, 1.4],
        hue: [-0.1, 0.1],
      });
      expect(view).toMatchObject(grey);
    }
  });

  it("survive JSON, as a post to a worker needs, and do the same there", async () => {
    const specs = [
      ...sitViews({ size: 16 }),
      contrastiveView({ name: "local", size: 8, scale: [0.05, 0.4] }),
    ];
    const posted: ViewSpec[] = JSON.parse(JSON.stringify(specs));
    expect(posted).toEqual(specs);
    expect(await run(posted, picture(20, 24, 3))).toEqual(await run(specs, picture(20, 24, 3)));
  });

  it.each<[string, () => unknown]>([
    ["sitViews.preset", () => sitViews({ size: 28, preset: "tiny" as "small" })],
    ["sitViews.blur", () => sitViews({ size: 28, blur: [1] as unknown as [number, number] })],
    ["randomResizedCrop.size", () => sitViews({ size: 0 })],
    ["gaussianBlur.probability", () => sitViews({ size: 28, blur: [2, 0] })],
    ["deviation", () => trainView({ size: 28, mean: [0.5] })],
    ["mean", () => trainView({ size: 28, deviation: [0.5] })],
    ["evalView.cropRatio", () => evalView({ size: 28, cropRatio: 1.5 })],
    ["evalView.size", () => evalView({ size: 1.5 })],
  ])("name a bad %s", (option, make) => {
    expect(make).toThrow(new RegExp(`^${option}: expected`));
  });
});

describe("createViews", () => {
  const [base] = trainView({ size: 8 });

  it.each<[RegExp, readonly ViewSpec[]]>([
    [/^views: expected a list of at least one view/, []],
    [/^views\[1\]\.name: expected a name not used before, got "image"/, [base, base]],
    [/^views\[0\]\.name: expected a name/, [{ ...base, name: "" }]],
    [/^views\[0\]\.name: expected a name, got undefined/, [null as unknown as ViewSpec]],
    [/^transform: expected a transform/, [{ ...base, transforms: [null as unknown as TransformSpec] }]],
    [/^image\.size: expected/, [{ ...base, size: 0 }]],
    [/^image\.mean: expected/, [{ ...base, mean: [0.5, 0.5] }]],
    [/^image\.transforms: expected/, [{ ...base, transforms: undefined as unknown as [] }]],
  ])("%s", async (message, specs) => {
    await expect(createViews(specs)).rejects.toThrow(message);
  });

  it("tells sides, channels and length", async () => {
    const [view] = await createViews([{ ...base, size: { height: 8, width: 6 } }]);
    expect(view).toMatchObject({ name: "image", height: 8, width: 6, channels: 3, length: 144 });
  });
});

describe("applyViews", () => {
  it("writes each view at its row and nothing else", async () => {
    const views = await createViews([...sitViews({ size: 8 }), contrastiveView({ name: "local", size: 4 })]);
    const out = views.map((view) => new Float32Array(3 * view.length).fill(99));
    applyViews(views, picture(10, 12, 3), sample(0), out, 1);
    for (const [i, view] of views.entries()) {
      const kept = (from: number, to: number) =>
        (out[i] as Float32Array).slice(from, to).every((v) => v === 99);
      expect(kept(0, view.length) && kept(2 * view.length, 3 * view.length)).toBe(true);
      expect((out[i] as Float32Array).slice(view.length, 2 * view.length).every((v) => v !== 99)).toBe(true);
    }
  });

  it("gives a sample the same pixels in any order, and other samples others", async () => {
    const views = await createViews(sitViews({ size: 12 }));
    const image = picture(20, 16, 3);
    const batch = (order: number[]) => {
      const out = views.map((view) => new Float32Array(order.length * view.length));
      for (const index of order) applyViews(views, image, sample(index), out, index);
      return out;
    };
    const [forward, backward] = [batch([0, 1, 2]), batch([2, 1, 0])];
    expect(backward).toEqual(forward);
    const [first] = forward as [Float32Array, Float32Array];
    const length = views[0]?.length ?? 0;
    expect(first.slice(0, length)).not.toEqual(first.slice(length, 2 * length));
    expect(forward[0]).not.toEqual(forward[1]);
  });

  it("writes what `render` shows, normalised", async () => {
    const image = picture(20, 16, 3);
    for (const view of await createViews(sitViews({ size: 12 }))) {
      for (let index = 0; index < 10; index++) {
        const [written, expected] = [new Float32Array(view.length), new Float32Array(view.length)];
        view.write(image, sample(index), written, 0);
        normalizer(imageNetStatistics).write(view.render(image, sample(index)), expected, 0);
        expect(written).toEqual(expected);
      }
    }
  });

  it("mirrors at the end exactly as in its place", async () => {
    const [, view] = sitViews({ size: 14, flip: 1, blur: [1, 1], solarize: [0, 1] });
    // A plugin that does nothing, but after which the pipeline cannot know that mirroring may wait.
    const plugin: Transform = { name: "nothing", apply: (image) => image };
    const inPlace = { ...view, transforms: [...view.transforms, plugin] };
    for (let index = 0; index < 5; index++) {
      expect(await run([view], picture(20, 16, 3), index)).toEqual(
        await run([inPlace], picture(20, 16, 3), index),
      );
    }
  });

  it("mirrors before a plugin that follows", async () => {
    const image = picture(6, 6, 1);
    let seen: Image | undefined;
    const plugin: Transform = {
      name: "look",
      apply(given) {
        seen = given;
        return given;
      },
    };
    const transforms = [randomHorizontalFlip({ probability: 1 }), plugin];
    await run([{ name: "image", size: 6, transforms, ...grey }], image);
    expect(seen?.data).toEqual(horizontalFlip(image).data);
  });

  it("makes one channel of three and three of one", async () => {
    const colour = picture(16, 16, 3);
    const luma = toChannels(colour, 1);
    expect(await run(evalView({ size: 8, ...grey }), colour)).toEqual(
      await run(evalView({ size: 8, ...grey }), luma),
    );
    const [wide] = await run(evalView({ size: 8 }), luma);
    expect(wide).toHaveLength(8 * 8 * 3);
    expect(wide).toEqual((await run(evalView({ size: 8 }), toChannels(luma, 3)))[0]);
  });

  it("takes pictures of one pixel and of 28 with one channel", async () => {
    for (const image of [picture(1, 1, 1), picture(28, 28, 1), picture(1, 50, 3)]) {
      for (const out of await run(sitViews({ size: 28, ...grey }), image)) {
        expect(out).toHaveLength(784);
        expect(out.every(Number.isFinite)).toBe(true);
      }
    }
  });

  it("shows small pictures whole in evaluation, and the middle 7/8 of large ones", async () => {
    const image = picture(28, 28, 1);
    const [whole] = await run(evalView({ size: 28, ...grey }), image);
    const expected = new Float32Array(784);
    normalizer(grey).write(image, expected, 0);
    expect(whole).toEqual(expected);
    const large = picture(300, 256, 3);
    const [view] = await createViews(evalView({ size: 224 }));
    const got = view?.render(large, sample(0)) as Image;
    const resized = resizeImage(large, { height: 256, width: 300 });
    expect(got.data[0]).toBe(resized.data[(16 * 300 + 38) * 3]);
  });

  it("says what does not fit", async () => {
    const views = await createViews(sitViews({ size: 8 }));
    const out = views.map((view) => new Float32Array(view.length));
    const image = picture(9, 9, 3);
    expect(() => applyViews(views, image, sample(0), out, 1)).toThrow(/^out\[0\]: expected room for view1/);
    expect(() => applyViews(views, image, sample(0), out, -1)).toThrow(/^out\[0\]: expected room/);
    expect(() => applyViews(views, image, sample(0), out.slice(1))).toThrow(/^out\[1\]: expected room/);
    expect(() => applyViews(views, { ...image, width: 8 }, sample(0), out)).toThrow(
      /^image: expected 216 values/,
    );
    const wrong: ViewSpec = { name: "odd", size: 8, transforms: [], ...imageNetStatistics };
    await expect(run([wrong], image)).rejects.toThrow(/^odd: expected 8 x 8 from its transforms, got 9 x 9/);
  });
});
