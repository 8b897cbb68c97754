import { type DistillationLoss, requireOption, sumRows, tidy } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { softmaxCrossEntropy } from "./cross-entropy.js";
import { requireTemperature } from "./options.js";
import { requireShape } from "./shapes.js";

export interface DinoOptions {
  /** How many large crops the teacher sees; default 2. */
  readonly globalCrops?: number;
  /** How much of the centre stays at each step, in [0, 1]; default 0.9. */
  readonly centerMomentum?: number;
}

/**
 * DINO's loss (Caron et al. 2021, "Emerging properties in self-supervised vision transformers"): the mean, over all
 * pairs of a teacher's crop and another crop of the student, of the cross-entropy between
 * `softmax((teacher - center) / T)` and `softmax(student / S)`. A pair of the same crop is left out. No gradient
 * goes to the teacher. The next centre is `momentum · center + (1 - momentum) · mean(teacher)`.
 *
 * @throws SitError "bad-option" for the options and the temperatures, "bad-shape" from `loss` and `nextCenter`
 */
export function dinoLoss({ globalCrops = 2, centerMomentum = 0.9 }: DinoOptions = {}): DistillationLoss {
  const whole = Number.isInteger(globalCrops) && globalCrops >= 1;
  requireOption(whole, "globalCrops", "a whole number, at least 1", globalCrops);
  const share = centerMomentum >= 0 && centerMomentum <= 1;
  requireOption(share, "centerMomentum", "a number from 0 to 1", centerMomentum);
  return {
    name: "dino",
    settings: { globalCrops, centerMomentum },
    globalCrops,
    loss(student, teacher, center, { teacher: teacherTemperature, student: studentTemperature = 0.1 }) {
      requireTemperature(teacherTemperature, "teacher temperature");
      requireTemperature(studentTemperature, "student temperature");
      requireTeacher(teacher, center, globalCrops);
      const crops = cropsOf(student, teacher, globalCrops);
      return tidy(() => {
        const centered = tf.mul(tf.sub(teacher, center), 1 / teacherTemperature);
        const targets = pairTargets(tf.softmax(centered) as tf.Tensor2D, crops, globalCrops);
        const mean = softmaxCrossEntropy(tf.mul(student, 1 / studentTemperature) as tf.Tensor2D, targets);
        const pairs = globalCrops * (crops - 1);
        // The mean is over crops, with all pairs of one crop summed in its target.
        return tf.mul(mean, crops / pairs) as tf.Scalar;
      });
    },
    nextCenter(teacher, center) {
      requireTeacher(teacher, center, globalCrops);
      return tidy(() => {
        const mean = tf.div(sumRows(teacher), teacher.shape[0]);
        return tf.add(tf.mul(center, centerMomentum), tf.mul(mean, 1 - centerMomentum)) as tf.Tensor2D;
      });
    },
  };
}

/**
 * For each row of the student, the sum of the teacher's distributions that it is compared with: cross-entropy is linear
 * in its targets, so one softmax of a crop does for all its pairs.
 */
function pairTargets(probabilities: tf.Tensor2D, crops: number, globalCrops: number): tf.Tensor2D {
  const perCrop = tf.split(probabilities, globalCrops) as tf.Tensor2D[];
  const all = tf.addN(perCrop);
  return tf.concat(
    Array.from({ length: crops }, (_, crop) => {
      if (crop >= globalCrops) return all;
      const others = perCrop.filter((_, i) => i !== crop);
      return others.length > 0 ? tf.addN(others) : tf.zerosLike(all);
    }),
  ) as tf.Tensor2D;
}

function requireTeacher(teacher: tf.Tensor, center: tf.Tensor, globalCrops: number): void {
  const [rows = 0, features = 0] = teacher.shape;
  requireShape(
    teacher.rank === 2 && teacher.size > 0 && rows % globalCrops === 0,
    "teacher",
    `[${globalCrops} x batch, features]`,
    teacher,
  );
  requireShape(center.shape.join() === `1,${features}`, "center", `[1, ${features}]`, center);
}

/** How many crops the student has of each image. */
function cropsOf(student: tf.Tensor, { shape: [rows, features] }: tf.Tensor2D, globalCrops: number): number {
  const batch = rows / globalCrops;
  const crops = (student.shape[0] ?? 0) / batch;
  requireShape(
    student.rank === 2 && Number.isInteger(crops) && crops >= Math.max(2, globalCrops),
    "student",
    `[crops x ${batch}, ${features}] with ${Math.max(2, globalCrops)} crops or more`,
    student,
  );
  requireShape(student.shape[1] === features, "student", `[rows, ${features}] as the teacher's`, student);
  return crops;
}

export interface TeacherTemperatureOptions {
  /** Temperature of epoch 0; default 0.04. */
  readonly start?: number;
  /** Temperature after the warm-up; default 0.04. DINO's longest runs end at 0.07. */
  readonly final?: number;
  /** Epochs of the warm-up, the last of which has `final` already; default 0. The paper has 30 where it warms up. */
  readonly warmupEpochs?: number;
}

/**
 * DINO's temperature of the teacher by epoch (0 is the first; a fraction counts as the epoch it is in): linear from
 * `start` to `final` over the warm-up, then constant. A warm-up of one epoch has just `start`.
 *
 * @throws SitError "bad-option"
 */
export function teacherTemperatures(options: TeacherTemperatureOptions = {}): (epoch: number) => number {
  const { start = 0.04, final = 0.04, warmupEpochs = 0 } = options;
  requireTemperature(start, "start");
  requireTemperature(final, "final");
  const whole = Number.isInteger(warmupEpochs) && warmupEpochs >= 0;
  requireOption(whole, "warmupEpochs", "a whole number, at least 0", warmupEpochs);
  return (at) => {
    const epoch = Math.floor(at);
    if (epoch >= warmupEpochs) return final;
    return warmupEpochs === 1 ? start : start + ((final - start) * epoch) / (warmupEpochs - 1);
  };
}
