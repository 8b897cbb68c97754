import { SitError } from "@sitjs/core/errors";
import { randomStream } from "@sitjs/core/random";
import { describe, expect, it } from "vitest";
import {
  applyViews,
  createViews,
  dinoViews,
  imageNetStatistics,
  simclrViews,
  sitViews,
  type TransformSpec,
  type ViewSpec,
} from "./index.js";

const grey = { mean: [0.286], deviation: [0.353] };
const find = (view: ViewSpec | undefined, name: TransformSpec["name"]) =>
  view?.transforms.find((one) => one.name === name);

/** What a view draws with which probability, and how far. */
const settings = (view: ViewSpec | undefined) => ({
  name: view?.name,
  size: view?.size,
  scale: (find(view, "randomResizedCrop") as { scale?: unknown } | undefined)?.scale,
  blur: (find(view, "gaussianBlur") as { probability?: unknown } | undefined)?.probability,
  solarize: (find(view, "solarize") as { probability?: unknown } | undefined)?.probability,
});

describe("dinoViews", () => {
  it("are DINO's published settings: two large crops, then eight small ones", () => {
    const views = dinoViews({ size: 224, localSize: 96 });
    const large = { size: 224, scale: [0.4, 1] };
    expect(views.map(settings)).toEqual([
      { name: "global1", ...large, blur: 1, solarize: 0 },
      { name: "global2", ...large, blur: 0.1, solarize: 0.2 },
      ...Array.from({ length: 8 }, (_, i) => ({
        name: `local${i + 1}`,
        size: 96,
        scale: [0.05, 0.4],
        blur: 0.5,
        solarize: 0,
      })),
    ]);
    for (const view of views) {
      expect(find(view, "colorJitter")).toMatchObject({
        brightness: [0.6, 1.4],
        contrast: [0.6, 1.4],
        saturation: [0.8, 1.2],
        hue: [-0.1, 0.1],
        probability: 0.8,
      });
      expect(find(view, "randomGrayscale")).toMatchObject({ probability: 0.2 });
      expect(find(view, "randomHorizontalFlip")).toMatchObject({ probability: 0.5 });
      expect(find(view, "gaussianBlur")).toMatchObject({ sigma: [0.1, 2] });
      expect(view).toMatchObject(imageNetStatistics);
    }
  });

  it("have a preset for small pictures, and take other settings", () => {
    const views = dinoViews({ size: 28, localSize: 12, localCrops: 2, preset: "small", ...grey });
    expect(views.map(({ name, size }) => [name, size])).toEqual([
      ["global1", 28],
      ["global2", 28],
      ["local1", 12],
      ["local2", 12],
    ]);
    for (const view of views) {
      expect(find(view, "gaussianBlur")).toMatchObject({ probability: 0 });
      expect(find(view, "colorJitter")).toMatchObject({ saturation: [0.6, 1.4] });
      expect(view).toMatchObject(grey);
    }
    const changed = dinoViews({
      size: 28,
      localSize: 12,
      localCrops: 1,
      globalScale: [0.25, 1],
      localScale: [0.1, 0.25],
      blur: [0.1, 0.2, 0.3],
      solarize: [0.4, 0.5],
      flip: 0,
    });
    expect(changed.map(settings)).toMatchObject([
      { scale: [0.25, 1], blur: 0.1, solarize: 0.4 },
      { scale: [0.25, 1], blur: 0.2, solarize: 0.5 },
      { scale: [0.1, 0.25], blur: 0.3, solarize: 0 },
    ]);
    for (const view of changed) expect(find(view, "randomHorizontalFlip")).toMatchObject({ probability: 0 });
    expect(dinoViews({ size: 28, localSize: 12, localCrops: 0 })).toHaveLength(2);
  });

  it("give crops of their sizes, every one another, the same in a worker", async () => {
    const specs = dinoViews({ size: 12, localSize: 8, localCrops: 3 });
    const rng = randomStream(0, "picture");
    const data = Uint8Array.from({ length: 20 * 16 * 3 }, () => rng.integer(0, 256));
    const run = async (of: readonly ViewSpec[]) => {
      const views = await createViews(of);
      const out = views.map((view) => new Float32Array(view.length));
      applyViews(views, { data, width: 20, height: 16, channels: 3 }, randomStream(1, "sample"), out);
      return out;
    };
    const made = await run(specs);
    expect(made.map(({ length }) => length)).toEqual([432, 432, 192, 192, 192]);
    expect(new Set(made.map(String)).size).toBe(5);
    expect(await run(JSON.parse(JSON.stringify(specs)))).toEqual(made);
  });
});

describe("simclrViews", () => {
  it("are SimCLR's published settings, the same for both", () => {
    const [first, second] = simclrViews({ size: 224 });
    expect([first.name, second.name]).toEqual(["view1", "view2"]);
    expect({ ...second, name: first.name }).toEqual(first);
    expect(settings(first)).toMatchObject({ scale: [0.08, 1], blur: 0.5, solarize: 0 });
    const jitter = find(first, "colorJitter") as unknown as Record<string, readonly number[]>;
    for (const [name, range] of [
      ["brightness", [0.2, 1.8]],
      ["contrast", [0.2, 1.8]],
      ["saturation", [0.2, 1.8]],
      ["hue", [-0.2, 0.2]],
    ] as const) {
      jitter[name]?.forEach((bound, i) => {
        expect(bound, name).toBeCloseTo(range[i] as number, 12);
      });
    }
    expect(jitter).toMatchObject({ probability: 0.8 });
    expect(find(first, "randomGrayscale")).toMatchObject({ probability: 0.2 });
  });

  it("have its settings for CIFAR as the preset for small pictures", () => {
    for (const view of simclrViews({ size: 32, preset: "small", ...grey })) {
      expect(settings(view)).toMatchObject({ scale: [0.08, 1], blur: 0, solarize: 0 });
      expect(find(view, "colorJitter")).toMatchObject({ brightness: [0.6, 1.4], hue: [-0.1, 0.1] });
      expect(view).toMatchObject(grey);
    }
    const [view] = simclrViews({ size: 32, preset: "small", blur: 0.25, scale: [0.5, 1] });
    expect(settings(view)).toMatchObject({ scale: [0.5, 1], blur: 0.25 });
  });
});

describe("sets of views", () => {
  it.each<[string, () => unknown]>([
    ["dinoViews.preset", () => dinoViews({ size: 28, localSize: 12, preset: "tiny" as "small" })],
    ["dinoViews.localCrops", () => dinoViews({ size: 28, localSize: 12, localCrops: 1.5 })],
    ["dinoViews.localSize", () => dinoViews({ size: 28 } as Parameters<typeof dinoViews>[0])],
    ["dinoViews.blur", () => dinoViews({ size: 28, localSize: 12, blur: [1, 0] as unknown as [1, 0, 0] })],
    ["dinoViews.solarize", () => dinoViews({ size: 28, localSize: 12, solarize: [1] as unknown as [1, 1] })],
    ["randomResizedCrop.size", () => dinoViews({ size: 28, localSize: 0 })],
    ["randomResizedCrop.scale", () => dinoViews({ size: 28, localSize: 12, localScale: [0.4, 0.05] })],
    ["simclrViews.preset", () => simclrViews({ size: 28, preset: "tiny" as "small" })],
    ["gaussianBlur.probability", () => simclrViews({ size: 28, blur: 2 })],
    ["sitViews.solarize", () => sitViews({ size: 28, solarize: [1] as unknown as [1, 1] })],
  ])("name a bad %s", (option, make) => {
    expect(make).toThrow(new RegExp(`^${option}: expected`));
    expect(make).toThrow(SitError);
  });
});
