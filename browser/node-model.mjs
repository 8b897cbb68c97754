// The network that pages must agree with Node about: a classifier that Hugging Face's transformers wrote.
import { join } from "node:path";
import { createViews, evalView } from "@sitjs/augment";
import { randomStream } from "@sitjs/core";
import { fromPretrained } from "@sitjs/hub/node";
import * as tf from "@tensorflow/tfjs";
import sharp from "sharp";
import { root } from "../scripts/lib/steps.mjs";

/** Its folder. */
export const modelFolder = join(root, "fixtures", "huggingface-vit");

/** A colour picture, larger than the network's images. */
export const picture = join(root, "docs", "pictures", "views.png");

/**
 * The probabilities of a picture's classes, by name, as Node computes them on plain JavaScript.
 * @param {string | Buffer} image a file or its content
 * @returns {Promise<Record<string, number>>}
 */
export async function probabilitiesInNode(image) {
  await tf.setBackend("cpu");
  const model = await fromPretrained(modelFolder);
  const { size, mean, std } = model.preprocessing;
  const [view] = await createViews(evalView({ size, mean, deviation: std }));
  const { data, info } = await sharp(image).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const pixels = new Float32Array(view.length);
  const { width, height } = info;
  view.write({ data: new Uint8Array(data), width, height, channels: 3 }, randomStream(0), pixels, 0);
  const scores = tf.tidy(() =>
    tf.softmax(model.classify(tf.tensor4d(pixels, [1, size, size, 3]))).dataSync(),
  );
  model.dispose();
  return Object.fromEntries(model.config.labels.map((label, i) => [label, scores[i]]));
}

/**
 * Throws unless both have the same classes with probabilities that are as close as this.
 * @param {Readonly<Record<string, number>>} found
 * @param {Readonly<Record<string, number>>} expected
 * @param {number} tolerance
 */
export function requireSame(found, expected, tolerance) {
  const close = (name) => Math.abs(found[name] - expected[name]) <= tolerance;
  const names = Object.keys(expected);
  if (names.length === Object.keys(found).length && names.every(close)) return;
  const text = [expected, found].map((scores) => JSON.stringify(scores));
  throw new Error(`expected ${text[0]} to ${tolerance}, as in Node, got ${text[1]}`);
}
