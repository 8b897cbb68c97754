import { type TransformCheckOptions, transformChecks } from "@sitjs/core/testing";
import { describe, test } from "vitest";
import {
  centerCrop,
  colorJitter,
  compose,
  createTransform,
  createViews,
  dinoViews,
  evalView,
  gaussianBlur,
  randAugment,
  randomCrop,
  randomGrayscale,
  randomHorizontalFlip,
  randomResizedCrop,
  resize,
  resizeToCover,
  simclrViews,
  sitViews,
  solarize,
  type TransformSpec,
  trainView,
  type ViewSpec,
} from "./index.js";

// Bicubic weights add up to 1, but some are negative: at the edge of black and white it goes beyond by up to a fifth.
const overshoot = 0.2;
const size = { height: 12, width: 10 };
const always = { random: false };
const half = { random: true };

/** Transforms of these descriptions, by the option that is another in each. */
const made = (specs: Readonly<Record<string, TransformSpec>>) =>
  Object.fromEntries(Object.entries(specs).map(([option, spec]) => [option, () => createTransform(spec)]));

const transforms: [TransformSpec, TransformCheckOptions][] = [
  [
    resize({ size }),
    {
      ...always,
      size,
      overshoot,
      others: made({ size: resize({ size: 8 }), interpolation: resize({ size, interpolation: "bilinear" }) }),
    },
  ],
  [resizeToCover({ size }), { ...always, overshoot }],
  [centerCrop({ size }), { ...always, size }],
  [randomCrop({ size, padding: 2 }), { ...half, size }],
  [randomResizedCrop({ size }), { ...half, size, overshoot }],
  [
    randomHorizontalFlip(),
    { ...half, others: made({ probability: randomHorizontalFlip({ probability: 1 }) }) },
  ],
  [colorJitter({ brightness: 0.8, contrast: 0.8, saturation: 0.8, hue: 0.2 }), half],
  [randomGrayscale({ probability: 0.5 }), { ...half, channels: [3] }],
  [
    gaussianBlur(),
    {
      ...half,
      others: made({ probability: gaussianBlur({ probability: 1 }), sigma: gaussianBlur({ sigma: [1, 2] }) }),
    },
  ],
  [
    solarize(),
    {
      ...half,
      others: made({ probability: solarize({ probability: 1 }), threshold: solarize({ threshold: 9 }) }),
    },
  ],
  [randAugment(), half],
  [compose([randomHorizontalFlip(), gaussianBlur()]), half],
];

/** Views of different sizes and amounts; their pixels before they are normalised. */
const views: Record<string, readonly ViewSpec[]> = {
  sitViews: sitViews({ size }),
  simclrViews: simclrViews({ size }),
  dinoViews: dinoViews({ size, localSize: 6, localCrops: 1 }),
  trainView: trainView({ size, randAugment: {} }),
};

for (const [spec, options] of transforms) {
  describe(spec.name, () => {
    for (const { name, run } of transformChecks(() => createTransform(spec), options)) test(name, run);
  });
}

for (const [set, specs] of Object.entries({ ...views, evalView: evalView({ size }) })) {
  for (const [i, { name: view, size: sides }] of specs.entries()) {
    const expected = typeof sides === "number" ? { height: sides, width: sides } : sides;
    const make = async () => {
      const made = (await createViews(specs))[i] as Awaited<ReturnType<typeof createViews>>[number];
      return { name: view, apply: made.render };
    };
    describe(`${view} of ${set}`, () => {
      const options = { channels: [3], size: expected, overshoot, random: set !== "evalView" } as const;
      for (const { name, run } of transformChecks(make, options)) test(name, run);
    });
  }
}
