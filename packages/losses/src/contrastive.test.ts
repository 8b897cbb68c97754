import { randomStream, SitError } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { crossViewNtXent, crossViewNtXentLoss, ntXent, ntXentLoss } from "./index.js";

const value = (loss: tf.Scalar): number => {
  const number = loss.dataSync()[0] as number;
  loss.dispose();
  return number;
};

function embeddings(rows: number, features: number, name: string, scale = 1): tf.Tensor2D {
  const values = randomStream(7, name).fillNormal(new Float32Array(rows * features));
  return tf.tensor2d(
    values.map((v) => v * scale),
    [rows, features],
  );
}

for (const engine of await engines({ cpu: true })) {
  describe(`contrastive losses on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    test("collinear embeddings: every candidate is as likely, log(2N - 1) and 4T log N", () => {
      for (const images of [2, 5, 16]) {
        // One direction, many lengths.
        const lengths = tf.tensor2d(
          Float32Array.from({ length: 2 * images }, (_, i) => 0.5 + i),
          [2 * images, 1],
        );
        const same = tf.mul(lengths, tf.tensor2d([[0.6, -0.8, 0]])) as tf.Tensor2D;
        for (const temperature of [0.05, 0.2, 1]) {
          expect(value(ntXentLoss(same, temperature))).toBeCloseTo(Math.log(2 * images - 1), 5);
          const expected = 4 * temperature * Math.log(images);
          expect(value(crossViewNtXentLoss(same, same, temperature))).toBeCloseTo(expected, 5);
        }
        tf.dispose([lengths, same]);
      }
    });

    test("views that agree and images that do not: near 0", () => {
      const basis = tf.eye(8);
      const both = tf.concat([basis, basis]) as tf.Tensor2D;
      // By hand: log(1 + (N - 1) e^(-1/T)) against N - 1 orthogonal rows; 2N - 2 of them within 2N rows.
      const wrong = Math.exp(-1 / 0.1);
      expect(value(crossViewNtXentLoss(both, both, 0.1))).toBeCloseTo(0.4 * Math.log(1 + 7 * wrong), 6);
      expect(value(ntXentLoss(both, 0.1))).toBeCloseTo(Math.log(1 + 14 * wrong), 6);
      expect(value(ntXentLoss(both, 0.02))).toBeLessThan(1e-6);
      tf.dispose([basis, both]);
    });

    test("swapping the views changes nothing", () => {
      const [student, teacher] = [embeddings(12, 6, "student"), embeddings(12, 6, "teacher")];
      const swap = (x: tf.Tensor2D) => tf.tidy(() => tf.concat(tf.split(x, 2).reverse())) as tf.Tensor2D;
      const [swappedStudent, swappedTeacher] = [swap(student), swap(teacher)];
      expect(value(crossViewNtXentLoss(swappedStudent, swappedTeacher, 0.2))).toBeCloseTo(
        value(crossViewNtXentLoss(student, teacher, 0.2)),
        5,
      );
      expect(value(ntXentLoss(swappedStudent, 0.2))).toBeCloseTo(value(ntXentLoss(student, 0.2)), 5);
      tf.dispose([student, teacher, swappedStudent, swappedTeacher]);
    });

    test("only directions count, whatever the lengths; a zero row is finite", () => {
      const [student, teacher] = [embeddings(8, 5, "student"), embeddings(8, 5, "teacher")];
      const long = tf.mul(student, 1e6) as tf.Tensor2D;
      const short = tf.mul(student, 1e-6) as tf.Tensor2D;
      const expected = value(crossViewNtXentLoss(student, teacher, 0.2));
      for (const other of [long, short]) {
        expect(value(crossViewNtXentLoss(other, teacher, 0.2))).toBeCloseTo(expected, 4);
      }
      const zero = tf.zeros([8, 5]) as tf.Tensor2D;
      const gradient = tf.grad((x) => crossViewNtXentLoss(x as tf.Tensor2D, teacher, 0.2))(zero);
      expect(Array.from(gradient.dataSync()).every(Number.isFinite)).toBe(true);
      tf.dispose([student, teacher, long, short, zero, gradient]);
    });

    test("a temperature of 0.001 neither overflows nor loses the gradient", () => {
      const student = embeddings(8, 5, "student");
      for (const loss of [crossViewNtXent({ temperature: 1e-3 }), ntXent({ temperature: 1e-3 })]) {
        const { value: result, grad } = tf.valueAndGrad((x) => loss.loss(x as tf.Tensor2D, x as tf.Tensor2D))(
          student,
        );
        expect(result.dataSync()[0]).toBeGreaterThan(0);
        const gradient = Array.from(grad.dataSync());
        expect(gradient.every(Number.isFinite)).toBe(true);
        expect(gradient.some((g) => g !== 0)).toBe(true);
        tf.dispose([result, grad]);
      }
      student.dispose();
    });
  });
}

describe("contrastive losses, bad input", () => {
  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("temperature %s is an error", (temperature) => {
    for (const factory of [crossViewNtXent, ntXent]) {
      expect(() => factory({ temperature })).toThrow(/^temperature: expected a finite number above 0, got/);
    }
  });

  test("odd rows, other ranks and unlike shapes name the argument", () => {
    const even = tf.ones([4, 3]) as tf.Tensor2D;
    const odd = tf.ones([3, 3]) as tf.Tensor2D;
    const wide = tf.ones([4, 5]) as tf.Tensor2D;
    const cube = tf.ones([4, 3, 1]) as unknown as tf.Tensor2D;
    for (const bad of [odd, cube]) {
      expect(() => crossViewNtXent().loss(bad, bad)).toThrow(/^student: expected \[2 x images, features\]/);
      expect(() => ntXent().loss(bad, bad)).toThrow(/^student: expected \[2 x images, features\]/);
    }
    expect(() => crossViewNtXent().loss(even, wide)).toThrow(/^teacher: .*\[4, 3\], got \[4, 5\]/);
    expect(() => crossViewNtXent().loss(even, wide)).toThrow(SitError);
    tf.dispose([even, odd, wide, cube]);
  });
});
