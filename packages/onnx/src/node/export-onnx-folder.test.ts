import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createViews, evalView } from "@sitjs/augment";
import { randomStream } from "@sitjs/core";
import { closeness } from "@sitjs/core/testing";
import { batches, memoryDataset } from "@sitjs/data";
import { classifierHead } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadTransformers } from "../../../../interop/load.js";
import { network, scattered, tolerance } from "../../test/networks.js";
import { exportOnnxFolder } from "./index.js";

const { installed, library } = loadTransformers();
const { AutoModelForImageClassification, AutoProcessor, env, pipeline, RawImage } = library;

const boot = fileURLToPath(new URL("../../../../fixtures/fashion-mnist/test-0.png", import.meta.url));
const classes = "T-shirt Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag Boot".split(" ");
const statistics = { mean: [0.286], deviation: [0.353] };
const options = { imageSize: 28, patchSize: 7, channels: 1, width: 24, depth: 2, heads: 3 };
const folders = mkdtempSync(join(tmpdir(), "sit-onnx-"));

/** The picture as our own evaluation gives it to a network, [1, 28, 28, 1]. */
async function ownPixels(): Promise<tf.Tensor4D> {
  const { data, info } = await sharp(boot).toColourspace("b-w").raw().toBuffer({ resolveWithObject: true });
  expect(info).toMatchObject({ width: 28, height: 28, channels: 1 });
  const dataset = memoryDataset({ pixels: new Uint8Array(data), width: 28, height: 28, channels: 1 });
  const loader = batches(dataset, {
    views: evalView({ size: 28, ...statistics }),
    batchSize: 1,
    shuffle: false,
    workers: 0,
  });
  for await (const { views } of loader.range(0, 1)) {
    const [view] = views;
    if (view) return tf.tensor4d(view.data.slice(), [...view.shape]);
  }
  throw new Error("no batch");
}

describe.skipIf(!installed)("a folder in transformers.js", () => {
  const { backbone, params } = network(options);
  const module = classifierHead({ width: 24, classes: 10 });
  const head = { options: { classes: 10 }, params: scattered(module.init(randomStream(4)), "head") };

  beforeAll(async () => {
    await tf.setBackend("cpu");
    env.allowRemoteModels = false;
    env.localModelPath = folders;
  });
  afterAll(() => rmSync(folders, { recursive: true, force: true }));

  it("classifies a picture as our own evaluation does", async () => {
    const folder = join(folders, "classifier");
    const files = await exportOnnxFolder(folder, { backbone: options, params, head, classes, ...statistics });
    expect(files.map((file) => file.slice(folder.length + 1)).sort()).toEqual([
      "config.json",
      "onnx/model.onnx",
      "preprocessor_config.json",
    ]);
    const images = await ownPixels();
    const { tokens } = backbone.apply(params, images, { train: false });
    const own = module.apply(head.params, tokens, { train: false }).output;

    const processor = await AutoProcessor.from_pretrained("classifier");
    const model = await AutoModelForImageClassification.from_pretrained("classifier");
    const { logits } = await model(await processor(await RawImage.read(boot)));
    // The picture has the network's size, so nothing is resized; three grey channels are summed to one in float32.
    const expected = (await own.data()) as Float32Array;
    expect(closeness(logits.data, expected).maxAbsolute).toBeLessThan(tolerance);

    const classify = await pipeline("image-classification", "classifier");
    const [best] = await classify(boot, { top_k: 1 });
    const probabilities = (await tf.softmax(own).data()) as Float32Array;
    const index = (await tf.argMax(own, 1).data())[0] as number;
    expect(best?.label).toBe(classes[index]);
    expect(Math.abs(Number(best?.score) - (probabilities[index] as number))).toBeLessThan(tolerance);
  });

  it("gives tokens, and the pooled embedding", async () => {
    await exportOnnxFolder(join(folders, "embedding"), {
      backbone: options,
      params,
      pooling: "token+mean",
      ...statistics,
    });
    const { tokens } = backbone.apply(params, await ownPixels(), { train: false });
    const extract = await pipeline("image-feature-extraction", "embedding");
    const all = await extract(boot);
    expect(all.dims).toEqual([1, 17, 24]);
    expect(
      closeness(all.data as Float32Array, (await tokens.data()) as Float32Array).maxAbsolute,
    ).toBeLessThan(tolerance);
    const pooled = await extract(boot, { pool: true });
    const token = tf.slice(tokens, [0, 0, 0], [1, 1, 24]).reshape([1, 24]);
    const both = tf.concat([token, tf.mean(tf.slice(tokens, [0, 1, 0]), 1)], 1);
    expect(pooled.dims).toEqual([1, 48]);
    expect(
      closeness(pooled.data as Float32Array, (await both.data()) as Float32Array).maxAbsolute,
    ).toBeLessThan(tolerance);
  });

  it("is replaced by a later export, and never in the place of anything else", async () => {
    const folder = join(folders, "again");
    await exportOnnxFolder(folder, { backbone: options, params, head, classes, ...statistics });
    await exportOnnxFolder(folder, { backbone: options, params, ...statistics });
    const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
    expect(config).toMatchObject({ architectures: ["ViTModel"], num_channels: 3, image_size: 28 });
    expect(config).not.toHaveProperty("id2label");
    writeFileSync(join(folder, "notes.txt"), "mine");
    const failing = exportOnnxFolder(folder, { backbone: options, params, ...statistics });
    await expect(failing).rejects.toThrow(
      /again: expected a new folder, or one of an earlier export.*got one with notes.txt/,
    );
    expect(readdirSync(folder)).toContain("notes.txt");
  });

  it("cuts the middle of larger images as `evalView` does, and tells of several classes an image", async () => {
    const wide = { ...options, patchSize: 56, imageSize: 224 };
    const { params: own } = network(wide);
    const folder = join(folders, "wide");
    const read = (name: string) => JSON.parse(readFileSync(join(folder, name), "utf8"));
    await exportOnnxFolder(folder, { backbone: wide, params: own, head, multiLabel: true, ...statistics });
    expect(read("preprocessor_config.json")).toMatchObject({
      size: { shortest_edge: 256 },
      crop_size: { height: 224, width: 224 },
      image_mean: [0.286, 0.286, 0.286],
    });
    expect(read("config.json")).toMatchObject({
      problem_type: "multi_label_classification",
      id2label: { 0: "LABEL_0", 9: "LABEL_9" },
    });
    const processor = await AutoProcessor.from_pretrained("wide");
    const picture = new RawImage(new Uint8ClampedArray(3 * 300 * 200).fill(73), 300, 200, 3);
    const { pixel_values } = await processor(picture);
    expect(pixel_values.dims).toEqual([1, 3, 224, 224]);
    expect(pixel_values.data[0]).toBeCloseTo((73 / 255 - 0.286) / 0.353, 5);
  });

  it("sees the middle of a photograph as our own evaluation does, but for how it is made smaller", async () => {
    const size = 96;
    const square = { ...options, patchSize: 48, imageSize: size, channels: 3 };
    const colours = { mean: [0, 0, 0], deviation: [1 / 255, 1 / 255, 1 / 255] };
    await exportOnnxFolder(join(folders, "photo"), {
      backbone: square,
      params: network(square).params,
      ...colours,
    });
    const photo = fileURLToPath(new URL("../../../../fixtures/preprocessing/temple.png", import.meta.url));
    const processor = await AutoProcessor.from_pretrained("photo");
    const { pixel_values } = await processor(await RawImage.read(photo));
    expect(pixel_values.dims).toEqual([1, 3, size, size]);
    const { data, info } = await sharp(photo).raw().toBuffer({ resolveWithObject: true });
    const [view] = await createViews(evalView({ size }));
    const image = {
      data: new Uint8Array(data),
      width: info.width,
      height: info.height,
      channels: 3,
    } as const;
    const own = view?.render(image, randomStream(0)).data as Uint8Array;
    const differences = Array.from(own, (level, i) =>
      Math.abs(level - (pixel_values.data[(i % 3) * size * size + Math.floor(i / 3)] as number)),
    );
    const mean = differences.reduce((sum, each) => sum + each, 0) / differences.length;
    // Of 255 levels; it does not average over all pixels that shrink into one. Cut one pixel beside, 9 or more.
    expect(mean).toBeLessThan(5);
  });

  it("names what does not fit the network", async () => {
    const to = join(folders, "never");
    const fit = { backbone: options, params, head, ...statistics };
    await expect(exportOnnxFolder(to, { ...fit, classes: ["one"] })).rejects.toThrow(
      /classes: expected 10 names/,
    );
    await expect(exportOnnxFolder(to, { ...fit, mean: [0.5, 0.5, 0.5] })).rejects.toThrow(
      /mean: expected 1 numbers/,
    );
    await expect(exportOnnxFolder(to, { ...fit, cropRatio: 2 })).rejects.toThrow(/cropRatio: expected/);
    expect(readdirSync(folders)).not.toContain("never");
  });
});
