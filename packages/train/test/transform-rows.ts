import {
  centerCrop,
  colorJitter,
  compose,
  gaussianBlur,
  moduleTransform,
  randAugment,
  randomCrop,
  randomGrayscale,
  randomHorizontalFlip,
  randomResizedCrop,
  resize,
  resizeToCover,
  solarize,
  type TransformSpec,
} from "@sitjs/augment";
import { size } from "./runs.js";

/** Transforms with one option changed, by what the refusal says of it. */
export type TransformRow = readonly [one: TransformSpec, others: Readonly<Record<string, TransformSpec>>];
const jitter = { brightness: 0.4, contrast: 0.4, saturation: 0.2, hue: 0.1, probability: 0.8 };
const own = (url: string, options: unknown) => moduleTransform({ url: `file:///${url}`, options });
export const transformRows: readonly TransformRow[] = [
  [
    resize({ size }),
    {
      "size [16,16] (now [8,8])": resize({ size: 8 }),
      'interpolation "bicubic" (now "bilinear")': resize({ size, interpolation: "bilinear" }),
    },
  ],
  [
    resizeToCover({ size }),
    {
      "size [16,16] (now [16,8])": resizeToCover({ size: { height: 16, width: 8 } }),
      'interpolation "bicubic" (now "bilinear")': resizeToCover({ size, interpolation: "bilinear" }),
    },
  ],
  [centerCrop({ size }), { "size [16,16] (now [8,8])": centerCrop({ size: 8 }) }],
  [
    randomCrop({ size }),
    {
      "size [16,16] (now [8,8])": randomCrop({ size: 8 }),
      "padding 0 (now 2)": randomCrop({ size, padding: 2 }),
      "fill 0 (now 9)": randomCrop({ size, fill: 9 }),
    },
  ],
  [
    randomResizedCrop({ size }),
    {
      "scale [0.2,1] (now [0.3,1])": randomResizedCrop({ size, scale: [0.3, 1] }),
      "ratio [0.75,1.3333333333333333] (now [1,1])": randomResizedCrop({ size, ratio: [1, 1] }),
      "size [16,16] (now [8,8])": randomResizedCrop({ size: 8 }),
      'interpolation "bicubic" (now "bilinear")': randomResizedCrop({ size, interpolation: "bilinear" }),
    },
  ],
  [randomHorizontalFlip(), { "probability 0.5 (now 0)": randomHorizontalFlip({ probability: 0 }) }],
  [
    colorJitter(jitter),
    {
      "brightness [0.6,1.4] (now [0.5,1.5])": colorJitter({ ...jitter, brightness: 0.5 }),
      "contrast [0.6,1.4] (now [0.5,1.5])": colorJitter({ ...jitter, contrast: 0.5 }),
      "saturation [0.8,1.2] (now [0.5,1.5])": colorJitter({ ...jitter, saturation: 0.5 }),
      "hue [-0.1,0.1] (now [-0.2,0.2])": colorJitter({ ...jitter, hue: 0.2 }),
      "probability 0.8 (now 1)": colorJitter({ ...jitter, probability: 1 }),
    },
  ],
  [randomGrayscale(), { "probability 0.2 (now 0.1)": randomGrayscale({ probability: 0.1 }) }],
  [
    gaussianBlur(),
    {
      "probability 0.5 (now 1)": gaussianBlur({ probability: 1 }),
      "sigma [0.1,2] (now [0.1,1])": gaussianBlur({ sigma: [0.1, 1] }),
    },
  ],
  [
    solarize(),
    {
      "probability 0.2 (now 0.1)": solarize({ probability: 0.1 }),
      "threshold 128 (now 64)": solarize({ threshold: 64 }),
    },
  ],
  [
    randAugment(),
    {
      "operations 2 (now 1)": randAugment({ operations: 1 }),
      "magnitude 9 (now 5)": randAugment({ magnitude: 5 }),
      "deviation 0.5 (now 0)": randAugment({ deviation: 0 }),
      "probability 0.5 (now 1)": randAugment({ probability: 1 }),
      "increasing true (now false)": randAugment({ increasing: false }),
      "fill [128] (now [0])": randAugment({ fill: [0] }),
      'interpolation "bicubic" (now "bilinear")': randAugment({ interpolation: "bilinear" }),
    },
  ],
  [
    compose([randomHorizontalFlip(), solarize()]),
    {
      "transforms.solarize.threshold 128 (now 9)": compose([
        randomHorizontalFlip(),
        solarize({ threshold: 9 }),
      ]),
      'transforms.order ["randomHorizontalFlip","solarize"] (now ["solarize","randomHorizontalFlip"])':
        compose([solarize(), randomHorizontalFlip()]),
    },
  ],
  [
    own("a/mine.js", { strength: 1 }),
    {
      "options.strength 1 (now 2)": own("a/mine.js", { strength: 2 }),
      'file "mine.js" (now "yours.js")': own("a/yours.js", { strength: 1 }),
      'export "default" (now "other")': moduleTransform({
        ...{ url: "file:///a/mine.js", export: "other" },
        options: { strength: 1 },
      }),
    },
  ],
];
