import type {
  ClassificationLoss,
  DistillationLoss,
  MutualInformationLoss,
  PairLoss,
  PatchLoss,
  QueryKeyLoss,
} from "@sitjs/core";
import { contrastLossChecks, lossChecks, reconstructionLossChecks } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, test } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { normal } from "../test/values.js";
import {
  chrominanceL2,
  crossEntropy,
  crossViewNtXent,
  dinoLoss,
  infoMax,
  infoNce,
  maskedL1,
  maskedL2,
  ntXent,
  patchPixels,
  relation,
  sigmoidCrossEntropy,
} from "./index.js";

// The L1 slope jumps at 0: a step that crosses no difference of these images.
const step = 2e-3;
const rows = (name: string) => normal<tf.Tensor2D>(name, [4, 6]);
const images = (name: string) => normal<tf.Tensor4D>(name, [2, 4, 4, 3]);
/** Of labels, or of a target for each class. */
const classification = (dtype: "int32" | "float32") => ({
  inputs: () => [
    rows("logits"),
    dtype === "int32" ? tf.tensor1d([0, 5, 2, 2], dtype) : tf.oneHot([0, 5, 2, 2], 6).toFloat(),
  ],
  loss: (part: ClassificationLoss, [logits, labels]: readonly tf.Tensor[]) =>
    part.loss(logits as tf.Tensor2D, labels as tf.Tensor1D),
  refused: () => [[rows("logits"), tf.ones([3, 6])]],
});
const suites = {
  maskedL1: reconstructionLossChecks(maskedL1, { step, others: { over: () => maskedL1({ over: "all" }) } }),
  maskedL2: reconstructionLossChecks(maskedL2, { others: { over: () => maskedL2({ over: "all" }) } }),
  "maskedL1 over all": reconstructionLossChecks(() => maskedL1({ over: "all" }), { step, masked: false }),
  "maskedL2 over all": reconstructionLossChecks(() => maskedL2({ over: "all" }), { masked: false }),
  chrominanceL2: reconstructionLossChecks(chrominanceL2, {
    others: { deviation: () => chrominanceL2({ deviation: [1, 1, 2] }) },
  }),
  crossViewNtXent: contrastLossChecks(crossViewNtXent, {
    others: { temperature: () => crossViewNtXent({ temperature: 0.3 }) },
  }),
  ntXent: contrastLossChecks(ntXent, {
    teacher: false,
    others: { temperature: () => ntXent({ temperature: 0.3 }) },
  }),
  infoNce: lossChecks<QueryKeyLoss>(infoNce, {
    inputs: () => [rows("queries"), rows("keys")],
    loss: (part, [queries, keys]) => part.loss(queries as tf.Tensor2D, keys as tf.Tensor2D),
    differentiable: [0, 1],
    refused: () => [[rows("queries"), tf.ones([4, 5])]],
    others: { temperature: () => infoNce({ temperature: 0.3 }) },
  }),
  patchPixels: lossChecks<PatchLoss>(() => patchPixels({ patchSize: 2 }), {
    inputs: () => [
      normal("patches", [2, 4, 12]),
      images("clean"),
      tf.tensor2d([1, 0, 1, 1, 0, 0, 1, 0], [2, 4]),
    ],
    loss: (part, [patches, clean, mask]) =>
      part.loss(patches as tf.Tensor3D, clean as tf.Tensor4D, mask as tf.Tensor2D),
    others: {
      patchSize: () => patchPixels({ patchSize: 4 }),
      normalize: () => patchPixels({ patchSize: 2, normalize: true }),
    },
    refused: () => [[normal("patches", [2, 4, 11]), images("clean"), tf.ones([2, 4])]],
  }),
  dinoLoss: lossChecks<DistillationLoss>(dinoLoss, {
    inputs: () => [normal("crops", [9, 4]), normal("teacher", [6, 4]), normal("center", [1, 4])],
    loss: (part, [crops, teacher, center]) =>
      part.loss(crops as tf.Tensor2D, teacher as tf.Tensor2D, center as tf.Tensor2D, {
        teacher: 0.5,
        student: 1,
      }),
    others: {
      globalCrops: () => dinoLoss({ globalCrops: 3 }),
      centerMomentum: () => dinoLoss({ centerMomentum: 0.5 }),
    },
    refused: () => [[normal("crops", [9, 5]), normal("teacher", [6, 4]), normal("center", [1, 4])]],
  }),
  infoMax: lossChecks<MutualInformationLoss>(infoMax, {
    inputs: () => [rows("summary"), normal("locations", [4, 3, 6])],
    loss: (part, [summary, others]) => part.loss(summary as tf.Tensor2D, others as tf.Tensor3D),
    differentiable: [0, 1],
    refused: () => [[rows("summary"), tf.ones([3, 3, 6])]],
    others: { estimator: () => infoMax({ estimator: "info-nce" }) },
  }),
  relation: lossChecks<PairLoss>(relation, {
    inputs: () => [normal("logits", [5, 1]), tf.tensor1d([1, 0, 0, 1, 0])],
    loss: (part, [logits, labels]) => part.loss(logits as tf.Tensor2D, labels as tf.Tensor1D),
    refused: () => [[normal("logits", [5, 1]), tf.ones([4])]],
    others: { gamma: () => relation({ gamma: 0 }) },
  }),
  crossEntropy: lossChecks<ClassificationLoss>(crossEntropy, {
    ...classification("int32"),
    others: { labelSmoothing: () => crossEntropy({ labelSmoothing: 0.1 }) },
  }),
  sigmoidCrossEntropy: lossChecks<ClassificationLoss>(sigmoidCrossEntropy, {
    ...classification("float32"),
    others: { labelSmoothing: () => sigmoidCrossEntropy({ labelSmoothing: 0.1 }) },
  }),
};

for (const engine of await engines({ cpu: true })) {
  describe(`losses on ${engine.name}`, () => {
    beforeAll(() => engine.use());
    for (const [part, checks] of Object.entries(suites)) {
      describe(part, () => {
        for (const { name, run } of checks) test(name, run);
      });
    }
  });
}
