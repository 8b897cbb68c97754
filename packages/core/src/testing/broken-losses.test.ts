// The checks of losses catch what they are for.
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { failed, left, noticed } from "../../test/noticed.js";
import { SitError } from "../errors.js";
import type { ContrastLoss, ReconstructionLoss } from "../module.js";
import { maskedError } from "../ops/masked-error.js";
import { l2Normalize } from "../ops/residual.js";
import { contrastLossChecks, reconstructionLossChecks, runChecks } from "./index.js";

beforeAll(async () => {
  await tf.setBackend("cpu");
});

describe("reconstruction loss checks", () => {
  const check = (a: tf.Tensor, b: tf.Tensor, mask: tf.Tensor) => {
    const fits = a.rank === 4 && a.shape.join() === b.shape.join();
    if (fits && mask.shape.join() === [...a.shape.slice(0, 3), 1].join()) return;
    throw new SitError(
      "bad-shape",
      `images and mask: expected the same sides, got [${b.shape}], [${mask.shape}]`,
    );
  };
  const of = (loss: ReconstructionLoss["loss"]): Partial<ReconstructionLoss> => ({
    loss: (a, b, mask) => {
      check(a, b, mask);
      return tf.tidy(() => loss(a, b, mask));
    },
  });
  const squared: ReconstructionLoss["loss"] = (a, b, mask) => maskedError(a, b, mask, { squared: true });
  const good: ReconstructionLoss = { name: "squared", loss: squared, ...of(squared) };
  const scaled = tf.customGrad((x) => ({
    value: (x as tf.Tensor).clone(),
    gradFunc: (dy) => tf.mul(dy, 0.5),
  }));
  let calls = 0;

  noticed(() => good, reconstructionLossChecks, {
    "a vector for a loss": [
      of((a, b, mask) => tf.reshape(squared(a, b, mask), [1]) as unknown as tf.Scalar),
      "gives one finite number, float32",
    ],
    "a loss that counts its calls": [
      of((a, b, mask) => tf.mul(squared(a, b, mask), 1 + ++calls * 1e-3)),
      "gives the same bits for the same inputs",
      "has the gradients that central differences say",
      "looks at the mask",
    ],
    "half the gradient": [
      of((a, b, mask) => squared(scaled(a) as tf.Tensor4D, b, mask)),
      "has the gradients that central differences say",
    ],
    "an overflow": [
      of((a, b, mask) => tf.log(tf.mean(tf.exp(tf.mul(tf.square(tf.sub(a, b)), mask)))) as tf.Scalar),
      "is finite at extreme inputs, and so are its gradients",
    ],
    "a root that has no slope at 0": [
      of((a, b, mask) => tf.sqrt(squared(a, b, mask)) as tf.Scalar),
      "has a finite gradient where both images agree",
      "is finite where nothing is masked, and where all is",
    ],
    "a tensor left behind": [
      {
        loss(a, b, mask) {
          left.push(tf.keep(tf.scalar(1)));
          return (good.loss as ReconstructionLoss["loss"])(a, b, mask);
        },
      },
      "borrows its inputs, and leaves one tensor",
    ],
    "shapes that it does not check": [
      { loss: (a, _, mask) => tf.tidy(() => squared(a, tf.zerosLike(a), mask)) },
      "refuses inputs that do not fit",
    ],
    "an error that costs less the larger it is": [
      of((a, b, mask) => tf.neg(squared(a, b, mask)) as tf.Scalar),
      "is least where both images agree",
    ],
    "pixels outside of the mask": [
      of((a, b, mask) => squared(a, b, tf.onesLike(mask))),
      "looks at the mask",
      "is finite where nothing is masked, and where all is",
    ],
    "a division by nothing": [
      of((a, b, mask) => tf.div(tf.sum(tf.mul(tf.square(tf.sub(a, b)), mask)), tf.sum(mask))),
      "is finite where nothing is masked, and where all is",
    ],
  });
});

describe("contrast loss checks", () => {
  const rows = (x: tf.Tensor2D) => {
    if (x.rank === 2 && x.shape[0] % 2 === 0) return x.shape[0] / 2;
    throw new SitError("bad-shape", `rows: expected two views, got [${x.shape}]`);
  };
  /** Minus the mean cosine of each row with the teacher's of the other view. */
  const cosine = (student: tf.Tensor2D, teacher: tf.Tensor2D): tf.Scalar =>
    tf.tidy(() => {
      const images = rows(student);
      if (student.shape.join() !== teacher.shape.join()) {
        throw new SitError("bad-shape", `teacher: expected [${student.shape}], got [${teacher.shape}]`);
      }
      const [one, two] = tf.split(l2Normalize(teacher), [images, images]);
      const others = tf.concat([two as tf.Tensor, one as tf.Tensor]);
      return tf.neg(tf.mean(tf.sum(tf.mul(l2Normalize(student), others), 1))) as tf.Scalar;
    });
  const stopped = tf.customGrad((x) => ({
    value: (x as tf.Tensor).clone(),
    gradFunc: (dy) => tf.zerosLike(dy as tf.Tensor),
  }));
  const good: ContrastLoss = { name: "cosine", loss: cosine };

  it("passes a part that keeps to the contract", () => runChecks(contrastLossChecks(() => good)));

  it.each<[string, ContrastLoss["loss"], string]>([
    [
      "a gradient through one side alone",
      (student, teacher) => cosine(student, stopped(teacher) as tf.Tensor2D),
      "lets the gradient through both sides without a teacher",
    ],
    [
      "views that do not matter",
      (student, teacher) => {
        cosine(student, teacher).dispose();
        return tf.tidy(() =>
          tf.mean(tf.square(tf.sub(l2Normalize(student), tf.mean(l2Normalize(teacher), 0)))),
        );
      },
      "is less where views of one image match than where those of two do",
    ],
    [
      "a teacher that is not looked at",
      (student, teacher) => {
        cosine(student, teacher).dispose();
        return cosine(student, student);
      },
      "looks at the teacher where it should",
    ],
    [
      "shapes that it does not check",
      (student) => cosine(student.rank === 2 && rows(student) ? student : tf.ones([4, 3]), student),
      "refuses inputs that do not fit",
    ],
  ])("notices %s", async (_, loss, check) => {
    expect(await failed(contrastLossChecks(() => ({ ...good, loss })))).toContain(check);
  });
});
