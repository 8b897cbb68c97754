// One training step of each workload, as a user would write it.
import { randomStream, withoutPrefix, withPrefix } from "@sitjs/core";
import { crossViewNtXent, maskedL1 } from "@sitjs/losses";
import { gmml } from "@sitjs/masking";
import { adamW, initState, sit, trainStep } from "@sitjs/train";
import { projectionHead, reconstructionHead, visionTransformer, vitSmall } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";

const small = { imageSize: 32, patchSize: 4, width: 192, depth: 12, heads: 3 };
const large = { ...vitSmall, imageSize: 224 };

/**
 * @typedef {{ imageSize: number, patchSize: number, width: number, depth: number, heads: number }} Network
 * @typedef {{ network: Network, batch: number, kind: "reconstruction" | "sit", reconstructionHidden: number,
 *   contrast?: { hidden: number, output: number } }} Workload
 */

/** @type {Record<string, Workload>} */
export const workloads = {
  A: { network: small, batch: 64, kind: "reconstruction", reconstructionHidden: 512 },
  B: { network: large, batch: 8, kind: "reconstruction", reconstructionHidden: 2048 },
  C: {
    network: small,
    batch: 64,
    kind: "sit",
    reconstructionHidden: 512,
    contrast: { hidden: 512, output: 128 },
  },
  D: {
    network: large,
    batch: 8,
    kind: "sit",
    reconstructionHidden: 2048,
    contrast: { hidden: 4096, output: 256 },
  },
};

/**
 * @param {Workload} workload
 * @param {{ precision?: string }} options
 * @returns {{ step: () => number }} `step` does one training step and returns its loss
 */
export function makeStep(workload, { precision = "float32" } = {}) {
  const { network, batch } = workload;
  const rng = randomStream(0, "benchmark");
  const backbone = visionTransformer({ ...network, dropPath: 0 });
  const { width, patchSize } = network;
  const head = reconstructionHead({ width, patchSize, hidden: workload.reconstructionHidden });
  const reconstruction = { head, loss: maskedL1() };
  const shape = /** @type {[number, number, number, number]} */ ([
    batch,
    network.imageSize,
    network.imageSize,
    3,
  ]);
  const views = [0, 1].map((view) =>
    tf.tensor4d(rng.fork("view", view).fillNormal(new Float32Array(shape.reduce((a, b) => a * b))), shape),
  );
  const method =
    workload.kind === "sit"
      ? sit({
          backbone,
          corruption: gmml(),
          reconstruction,
          contrast: { head: projectionHead({ width, ...workload.contrast }), loss: crossViewNtXent() },
        })
      : maskedReconstruction(backbone, reconstruction, gmml().corrupt(views[0], rng.fork("corruption")));
  const optimizer = adamW({ clipping: { perParameter: 3 } });
  let state = initState(method, optimizer, rng.fork("parameters"));
  const settings = { learningRate: 5e-4, weightDecay: 0.04, momentum: 0.996, precision };
  return {
    step() {
      const result = trainStep(
        method,
        optimizer,
        state,
        views.slice(0, method.views),
        rng.fork("step", state.step),
        settings,
      );
      state = result.state;
      const loss = result.metrics.loss.dataSync()[0];
      tf.dispose(result.metrics);
      return loss;
    },
  };
}

/** One view, one corruption drawn beforehand, no teacher. */
function maskedReconstruction(backbone, { head, loss }, { images, mask }) {
  return {
    name: "masked reconstruction",
    backbone,
    backbonePrefix: "backbone.",
    views: 1,
    init: (rng) => ({
      ...withPrefix("backbone.", backbone.init(rng.fork("backbone"))),
      ...withPrefix("head.", head.init(rng.fork("head"))),
    }),
    initTeacher: () => undefined,
    prepare: ({ views: [clean] }) => ({
      teacherBuffers: {},
      loss(student) {
        const { tokens } = backbone.apply(withoutPrefix("backbone.", student), images, { train: true });
        const side = clean.shape[1] / backbone.patchSize;
        const patches = tf.slice3d(tokens, [0, 1, 0], [-1, -1, -1]);
        const { output } = head.apply(
          withoutPrefix("head.", student),
          { patches, grid: [side, side] },
          { train: true },
        );
        const total = loss.loss(output, clean, mask);
        return { loss: total, parts: {}, buffers: {} };
      },
    }),
  };
}
