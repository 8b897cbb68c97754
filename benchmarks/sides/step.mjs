import { paramsToSafetensors, randomStream, tidy, withPrecision, withPrefix } from "@sitjs/core";
import { crossViewNtXent, maskedL1 } from "@sitjs/losses";
import { gmml } from "@sitjs/masking";
import { adamW, initState, sit, trainStep } from "@sitjs/train";
import { projectionHead, reconstructionHead, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { methods } from "./methods.mjs";

/**
 * One step of a workload by the packages as they are published.
 *
 * @typedef {object} Step
 * @property {() => Promise<number>} run one step; its value is the loss before the update, or for inference the class
 *   tokens' mean magnitude
 * @property {number} [views] of each image
 * @property {() => Promise<Uint8Array>} [given] parameters, views and the corruption as a safetensors file, for the other
 *   side; later steps keep this corruption
 */

/**
 * @param {import("../workloads.mjs").Workload} workload
 * @param {import("@sitjs/core").Precision} precision
 * @param {number} seed
 * @returns {Step}
 */
export function makeStep(workload, precision, seed) {
  const rng = randomStream(seed, "benchmark");
  if (workload.kind === "method") return ofMethod(workload, precision, rng);
  const { imageSize, patchSize, width, depth, heads } = workload;
  const backbone = visionTransformer({ imageSize, patchSize, width, depth, heads, dropPath: 0 });
  return workload.kind === "inference"
    ? inference(workload, backbone, precision, rng)
    : training(workload, backbone, precision, rng);
}

function training(workload, backbone, precision, rng) {
  const { kind, width, patchSize, reconstructionHidden, contrastHidden, contrastOutput } = workload;
  const contrasts = kind === "sit";
  const views = drawViews(workload, contrasts ? 2 : 1, rng);
  let corruption = contrasts ? gmml() : fixedCorruption(views, rng);
  const method = sit({
    backbone,
    // The check gives both sides the same corruption, so it can be exchanged.
    corruption: { name: "benchmark", corrupt: (images, stream) => corruption.corrupt(images, stream) },
    reconstruction: {
      head: reconstructionHead({ width, patchSize, hidden: reconstructionHidden }),
      loss: maskedL1(),
    },
    ...(contrasts && {
      contrast: {
        head: projectionHead({ width, hidden: contrastHidden, output: contrastOutput }),
        loss: crossViewNtXent(),
      },
    }),
    alpha: workload.alpha,
  });
  const stepper = trainer({
    method,
    optimizer: adamW(contrasts ? { clipping: { perParameter: workload.clipping } } : {}),
    input: { views },
    settings: {
      learningRate: workload.learningRate,
      weightDecay: workload.weightDecay,
      momentum: workload.momentum ?? 1,
      precision,
    },
    rng,
  });
  return {
    run: stepper.run,
    async given() {
      const fixed = "pairs" in corruption ? corruption : fixedCorruption(views, rng);
      corruption = fixed;
      return await paramsToSafetensors({
        ...withPrefix("parameters.", stepper.student()),
        ...numbered("view", views),
        ...numbered(
          "corrupted",
          fixed.pairs.map(({ images }) => images),
        ),
        ...numbered(
          "mask",
          fixed.pairs.map(({ mask }) => mask),
        ),
      });
    },
  };
}

/** A step of a method by its own recipe, on images, numbers and labels that are always the same. */
function ofMethod(workload, precision, rng) {
  const made = methods[workload.method](workload);
  const { method, viewSizes } = "method" in made ? made : { method: made, viewSizes: undefined };
  const { batch } = workload;
  const sizes = viewSizes ?? Array.from({ length: method.views }, () => workload.imageSize);
  const views = sizes.flatMap((imageSize, i) =>
    drawViews({ batch, imageSize }, 1, rng.fork("view of its own", i)),
  );
  const indices = Int32Array.from({ length: batch }, (_, i) => i);
  const { learningRate, weightDecay } = workload;
  const { run } = trainer({
    method,
    optimizer: adamW(method.recipe?.adamW),
    input: { views, indices, labels: indices.map((index) => index % 10) },
    settings: { learningRate, weightDecay, momentum: 0.996, precision },
    rng,
  });
  return { run, views: method.views };
}

/** Steps of a method on the same input, one after the other. */
function trainer({ method, optimizer, input, settings, rng }) {
  let state = initState(method, optimizer, rng.fork("parameters"));
  return {
    student: () => state.student,
    async run() {
      const stepped = trainStep(
        method,
        optimizer,
        state,
        { ...input, rng: rng.fork("step", state.step) },
        settings,
      );
      state = stepped.state;
      const [loss] = await stepped.metrics.loss.data();
      tf.dispose(Object.values(stepped.metrics));
      return loss;
    },
  };
}

function inference(workload, backbone, precision, rng) {
  const [images] = drawViews(workload, 1, rng);
  const params = backbone.init(rng.fork("parameters"));
  return {
    async run() {
      const value = withPrecision(precision, () =>
        tidy(() => {
          const { tokens } = backbone.apply(params, images, { train: false });
          const classTokens = tf.slice3d(tokens, [0, 0, 0], [-1, 1, -1]);
          return tf.mean(tf.abs(classTokens));
        }),
      );
      const [magnitude] = await value.data();
      value.dispose();
      return magnitude;
    },
    given: () =>
      paramsToSafetensors({ ...withPrefix("parameters.backbone.", params), ...numbered("view", [images]) }),
  };
}

/** Normalised pixels [batch, height, width, 3]: what they show does not matter to a step's time. */
function drawViews({ batch, imageSize }, count, rng) {
  return Array.from({ length: count }, (_, i) => {
    const values = rng.fork("view", i).fillNormal(new Float32Array(batch * imageSize * imageSize * 3));
    return tf.tensor4d(values, [batch, imageSize, imageSize, 3]);
  });
}

/** GMML drawn once for these views, given again in turn at every step. */
function fixedCorruption(views, rng) {
  const pairs = views.map((view, i) => gmml().corrupt(view, rng.fork("fixed corruption", i)));
  let calls = 0;
  return {
    pairs,
    corrupt() {
      const { images, mask } = pairs[calls++ % pairs.length];
      return { images: tf.clone(images), mask: tf.clone(mask) };
    },
  };
}

function numbered(name, tensors) {
  return Object.fromEntries(tensors.map((tensor, i) => [`${name}.${i}`, tensor]));
}
