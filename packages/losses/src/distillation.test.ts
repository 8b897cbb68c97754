import { SitError } from "@sitjs/core";
import { gradientError, leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { normal } from "../test/values.js";
import { dinoLoss, teacherTemperatures } from "./index.js";

const [batch, features, crops] = [3, 5, 4];

function inputs(globalCrops = 2) {
  return {
    student: normal<tf.Tensor2D>("student", [crops * batch, features]),
    teacher: normal<tf.Tensor2D>("teacher", [globalCrops * batch, features]),
    center: normal<tf.Tensor2D>("center", [1, features]),
  };
}

/** Rows of softmax(x / temperature). */
function softmaxRows(x: tf.Tensor2D, temperature: number): number[][] {
  return (x.arraySync() as number[][]).map((row) => {
    const exponentials = row.map((v) => Math.exp(v / temperature));
    const total = exponentials.reduce((a, b) => a + b);
    return exponentials.map((v) => v / total);
  });
}

for (const engine of await engines({ cpu: true })) {
  describe(`dino on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    test.each([1, 2, 3])("the mean over pairs of different crops, %s of them large", (globalCrops) => {
      tf.tidy(() => {
        const { student, teacher, center } = inputs(globalCrops);
        const [p, q] = [softmaxRows(tf.sub(teacher, center), 0.5), softmaxRows(student, 0.3)];
        let [sum, pairs] = [0, 0];
        for (let t = 0; t < globalCrops; t++) {
          for (let s = 0; s < crops; s++) {
            if (s === t) continue;
            pairs++;
            for (let image = 0; image < batch; image++) {
              const [target, guess] = [p[t * batch + image], q[s * batch + image]] as [number[], number[]];
              sum -= target.reduce((total, v, k) => total + v * Math.log(guess[k] as number), 0) / batch;
            }
          }
        }
        const temperatures = { teacher: 0.5, student: 0.3 };
        const loss = dinoLoss({ globalCrops }).loss(student, teacher, center, temperatures);
        expect(loss.dataSync()[0]).toBeCloseTo(sum / pairs, 4);
      });
    });

    test("uniform students give log k; a sure teacher's own opinion gives 0", () => {
      tf.tidy(() => {
        const { teacher, center } = inputs();
        const flat = tf.fill([crops * batch, features], -3) as tf.Tensor2D;
        const uniform = dinoLoss().loss(flat, teacher, center, { teacher: 0.04 });
        expect(uniform.dataSync()[0]).toBeCloseTo(Math.log(features), 5);
        const sure = tf.mul(tf.oneHot(tf.tensor1d([0, 3, 4], "int32"), features), 50);
        const [seen, said] = [tf.tile(sure, [crops, 1]), tf.tile(sure, [2, 1])] as tf.Tensor2D[];
        const zeros = tf.zeros([1, features]) as tf.Tensor2D;
        const perfect = dinoLoss().loss(seen as tf.Tensor2D, said as tf.Tensor2D, zeros, { teacher: 0.04 });
        expect(perfect.dataSync()[0]).toBeLessThan(1e-6);
      });
    });

    test("a crop is not compared with itself", () => {
      // Two crops, both large: the teacher's first says class 0 and its second class 1; so must the other one's student.
      tf.tidy(() => {
        const [zero, one] = [tf.tensor2d([[90, 0]]), tf.tensor2d([[0, 90]])];
        const center = tf.zeros([1, 2]) as tf.Tensor2D;
        const teacher = tf.concat([zero, one]) as tf.Tensor2D;
        const crossed = tf.concat([one, zero]) as tf.Tensor2D;
        const temperatures = { teacher: 1, student: 1 };
        expect(dinoLoss().loss(crossed, teacher, center, temperatures).dataSync()[0]).toBeCloseTo(0, 6);
        expect(dinoLoss().loss(teacher, teacher, center, temperatures).dataSync()[0]).toBeCloseTo(90, 4);
      });
    });

    test("swapping both large crops, or the small ones, or the images changes nothing", () => {
      tf.tidy(() => {
        const { student, teacher, center } = inputs();
        const temperatures = { teacher: 0.2, student: 0.3 };
        const at = (s: tf.Tensor2D, t: tf.Tensor2D) =>
          dinoLoss().loss(s, t, center, temperatures).dataSync()[0];
        const order = (x: tf.Tensor2D, rows: number[]) => tf.gather(x, tf.tensor1d(rows, "int32"));
        const expected = at(student, teacher) as number;
        const large = [3, 4, 5, 0, 1, 2];
        expect(at(order(student, [...large, 6, 7, 8, 9, 10, 11]), order(teacher, large))).toBeCloseTo(
          expected,
          4,
        );
        expect(at(order(student, [0, 1, 2, 3, 4, 5, 9, 10, 11, 6, 7, 8]), teacher)).toBeCloseTo(expected, 4);
        const images = (count: number) =>
          Array.from({ length: count * 3 }, (_, i) => 3 * Math.floor(i / 3) + ((i + 1) % 3));
        expect(at(order(student, images(4)), order(teacher, images(2)))).toBeCloseTo(expected, 4);
      });
    });

    test("the centre follows the teacher's mean with its momentum, and takes it away", () => {
      tf.tidy(() => {
        const { student, center } = inputs();
        const same = tf.tile(tf.tensor2d([[1, 2, 3, 4, 5]]), [6, 1]) as tf.Tensor2D;
        const after = dinoLoss({ centerMomentum: 0.75 }).nextCenter(same, center);
        const before = center.dataSync();
        after.dataSync().forEach((c, i) => {
          expect(c).toBeCloseTo(0.75 * (before[i] as number) + 0.25 * (i + 1), 5);
        });
        // A teacher that is its centre says nothing: uniform targets, the mean of -log softmax.
        const own = tf.slice(same, [0, 0], [1, -1]) as tf.Tensor2D;
        const loss = dinoLoss().loss(student, same, own, { teacher: 0.04, student: 1 });
        const rows = softmaxRows(student, 1);
        const weights = rows.map((_, row) => (row < 6 ? 1 : 2)); // pairs of a row: both teachers, or the other one
        const sum = rows.reduce(
          (total, row, i) =>
            total - ((weights[i] as number) * row.reduce((a, q) => a + Math.log(q), 0)) / features,
          0,
        );
        expect(loss.dataSync()[0]).toBeCloseTo(sum / 18, 4);
      });
    });

    test("logits of 1e4 at a temperature of 0.04 are finite, loss and gradient", () => {
      tf.tidy(() => {
        const { student, teacher, center } = inputs();
        const { value, grad } = tf.valueAndGrad((x) =>
          dinoLoss().loss(x as tf.Tensor2D, tf.mul(teacher, 1e4) as tf.Tensor2D, center, { teacher: 0.04 }),
        )(tf.mul(student, 1e4));
        expect(Number.isFinite(value.dataSync()[0])).toBe(true);
        expect(grad.dataSync().every(Number.isFinite)).toBe(true);
        expect(grad.dataSync().some((g) => g !== 0)).toBe(true);
      });
    });

    test("gradients agree with central differences; the teacher has none", async () => {
      const { student, teacher, center } = inputs();
      const temperatures = { teacher: 0.5, student: 0.5 };
      const check = await gradientError(
        (x) => dinoLoss().loss(x as tf.Tensor2D, teacher, center, temperatures),
        student,
      );
      expect(check.relativeToMax).toBeLessThan(1e-2);
      expect(() =>
        tf.grad((t) => dinoLoss().loss(student, t as tf.Tensor2D, center, temperatures))(teacher),
      ).toThrow(/gradient/i);
      tf.dispose([student, teacher, center]);
    });

    test("loss and centre for the caller, nothing else left behind", async () => {
      const { student, teacher, center } = inputs();
      const at = (x: tf.Tensor) => dinoLoss().loss(x as tf.Tensor2D, teacher, center, { teacher: 0.04 });
      expect(await leakedTensors(() => at(student))).toBe(1);
      expect(await leakedTensors(() => dinoLoss().nextCenter(teacher, center))).toBe(1);
      const leaked = await leakedTensors(() => {
        const { value, grad } = tf.valueAndGrad((x) => at(x))(student);
        tf.dispose([value, grad]);
      });
      expect(leaked).toBe(0);
      tf.dispose([student, teacher, center]);
    });
  });
}

describe("teacherTemperatures", () => {
  test("linear over the warm-up, both ends included, then constant; fractions count as their epoch", () => {
    const at = teacherTemperatures({ start: 0.04, final: 0.07, warmupEpochs: 30 });
    expect(at(0)).toBe(0.04);
    expect(at(0.9)).toBe(0.04);
    expect(at(1)).toBeCloseTo(0.04 + 0.03 / 29, 12);
    expect(at(29)).toBeCloseTo(0.07, 12);
    expect(at(30)).toBe(0.07);
    expect(at(1e6)).toBe(0.07);
    expect(teacherTemperatures()(0)).toBe(0.04);
    expect(teacherTemperatures({ start: 0.02, final: 0.05, warmupEpochs: 1 })(0)).toBe(0.02);
    expect(teacherTemperatures({ start: 0.02, final: 0.05, warmupEpochs: 1 })(1)).toBe(0.05);
  });

  test.each([
    [{ start: 0 }, /^start: expected a finite number above 0, got 0/],
    [{ final: Number.NaN }, /^final: /],
    [{ warmupEpochs: 1.5 }, /^warmupEpochs: expected a whole number, at least 0, got 1.5/],
  ])("%j is an error", (options, message) => {
    expect(() => teacherTemperatures(options)).toThrow(message);
  });
});

describe("dinoLoss, bad input", () => {
  test("options and temperatures", () => {
    expect(() => dinoLoss({ globalCrops: 0 })).toThrow(/^globalCrops: expected a whole number, at least 1/);
    expect(() => dinoLoss({ centerMomentum: 1.5 })).toThrow(/^centerMomentum: expected a number from 0 to 1/);
    tf.tidy(() => {
      const { student, teacher, center } = inputs();
      const at = (temperatures: { teacher: number; student?: number }) => () =>
        dinoLoss().loss(student, teacher, center, temperatures);
      expect(at({ teacher: 0 })).toThrow(/^teacher temperature: expected a finite number above 0/);
      expect(at({ teacher: 1, student: -1 })).toThrow(/^student temperature: /);
    });
  });

  test("shapes name the argument", () => {
    tf.tidy(() => {
      const { student, teacher, center } = inputs();
      const at = (s: tf.Tensor, t: tf.Tensor, c: tf.Tensor) => () =>
        dinoLoss().loss(s as tf.Tensor2D, t as tf.Tensor2D, c as tf.Tensor2D, { teacher: 0.04 });
      expect(at(student, tf.ones([5, 5]), center)).toThrow(/^teacher: expected \[2 x batch, features\]/);
      expect(at(tf.ones([10, 5]), teacher, center)).toThrow(/^student: expected \[crops x 3, 5\]/);
      expect(at(tf.ones([3, 5]), teacher, center)).toThrow(/with 2 crops or more, got \[3, 5\]/);
      expect(at(tf.ones([12, 4]), teacher, center)).toThrow(/^student: expected \[rows, 5\]/);
      expect(at(student, teacher, tf.ones([5]))).toThrow(/^center: expected \[1, 5\], got \[5\]/);
      expect(at(student, teacher, tf.ones([5]))).toThrow(SitError);
      const next = (t: tf.Tensor, c: tf.Tensor) => () =>
        dinoLoss().nextCenter(t as tf.Tensor2D, c as tf.Tensor2D);
      expect(next(tf.ones([5, 5]), center)).toThrow(/^teacher: expected \[2 x batch, features\]/);
      expect(next(teacher, tf.ones([5]))).toThrow(/^center: expected \[1, 5\], got \[5\]/);
    });
  });
});
