import { closeness, leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { randomStream } from "../random.js";
import {
  attention,
  gelu,
  hasKernel,
  layerNorm,
  linear,
  linearResidual,
  runKernel,
  valueAndGradients,
  withGradient,
} from "./index.js";

/** Numbers that an operation has made: only such memory is ever overwritten. */
const draw = (shape: number[], name: string): tf.Tensor =>
  tf.tidy(() => {
    const size = shape.reduce((product, side) => product * side, 1);
    const values = randomStream(0, "backward", name, size).fillNormal(new Float32Array(size));
    return tf.mul(tf.tensor(values, shape), 1);
  });

type Scalar = (...xs: tf.Tensor[]) => tf.Scalar;

/** Its gradient is dy itself, not a new tensor. */
const same = (x: tf.Tensor): tf.Tensor =>
  tf.customGrad((given) => ({ value: tf.clone(given as tf.Tensor), gradFunc: (dy) => dy }))(x);

/** Its gradients are dy itself, twice. */
const sum = (a: tf.Tensor, b: tf.Tensor): tf.Tensor =>
  tf.customGrad((x, y) => ({
    value: tf.add(x as tf.Tensor, y as tf.Tensor),
    gradFunc: (dy) => [dy, dy],
  }))(a, b);

/** Its gradient is the tensor that it has saved. */
const kept = (x: tf.Tensor): tf.Tensor =>
  tf.customGrad((given, save) => {
    const half = tf.mul(given as tf.Tensor, 0.5);
    (save as (tensors: tf.Tensor[]) => void)([half]);
    return {
      value: tf.square(given as tf.Tensor),
      gradFunc: (_: tf.Tensor, saved: tf.Tensor[]) => saved[0] as tf.Tensor,
    };
  })(x);

const total = (x: tf.Tensor): tf.Scalar => tf.sum(x) as tf.Scalar;

// Each of a and b [3, 4]. What tfjs's own `grads` says is the truth.
const functions: Record<string, Scalar> = {
  "a tensor that is used once": (a) => total(tf.exp(a)),
  "one that is used twice": (a) => total(tf.mul(a, a)),
  "one that is used three times": (a) => total(tf.add(tf.mul(a, tf.sin(a)), tf.square(a))),
  "one that is used in five places": (a) =>
    total(tf.addN([a, tf.square(a), tf.exp(a), tf.neg(a), tf.sin(a)])),
  "a value made on the way that is used twice": (a, b) => {
    const made = tf.mul(a, b as tf.Tensor);
    return total(tf.add(tf.exp(made), tf.mul(made, tf.cos(made))));
  },
  "one given to the same operation twice": (a, b) =>
    total(tf.matMul(a as tf.Tensor2D, tf.add(a, b as tf.Tensor), false, true)),
  "two whose gradients are the same dy": (a, b) => total(tf.mul(sum(a, b as tf.Tensor), 3)),
  "one added to itself by an operation whose gradients are the same dy": (a) => total(tf.square(sum(a, a))),
  "a gradient that is dy itself": (a, b) => total(tf.mul(same(a), tf.add(same(same(a)), b as tf.Tensor))),
  "gradients of clones and views": (a) =>
    total(tf.mul(tf.reshape(a, [4, 3]), tf.reshape(tf.clone(a), [4, 3]))),
  "a gradient that is what was saved": (a) => total(tf.add(kept(a), kept(a))),
  "two outputs of one operation, one of them unused": (a) => {
    const [first] = tf.unstack(a, 0);
    return total(tf.square(first as tf.Tensor));
  },
  "outputs that come together again": (a) => {
    const [first, second, third] = tf.split(a, 3, 0) as [tf.Tensor, tf.Tensor, tf.Tensor];
    return total(tf.mul(first, tf.sub(second, tf.mul(third, first))));
  },
  "what does not depend on the second": (a) => total(tf.square(a)),
  "a part that is only computed": (a, b) => {
    tf.exp(b as tf.Tensor);
    return total(tf.square(a));
  },
  "layers of ours": (a, b) => {
    const weight = tf.reshape(tf.concat([b as tf.Tensor, b as tf.Tensor, b as tf.Tensor]), [9, 4]);
    const normal = layerNorm(a, tf.slice(tf.reshape(b as tf.Tensor, [-1]), [0], [4]), tf.zeros([4]));
    const mixed = attention(tf.reshape(linear(normal, weight), [1, 3, 9]) as tf.Tensor3D, 3);
    const back = linearResidual(tf.reshape(mixed, [3, 3]), tf.slice(weight, [0, 0], [4, 3]), undefined, {
      onto: a,
    });
    return total(tf.mul(gelu(back), back));
  },
  "somebody's own differentiation inside": (a, b) => {
    const slope = tf.grad((x) => total(tf.mul(tf.square(x), x)))(a);
    return total(tf.mul(slope, b as tf.Tensor));
  },
};

for (const engine of await engines({ cpu: true })) {
  describe(`valueAndGradients on ${engine.name}`, () => {
    let [a, b] = [] as unknown as [tf.Tensor, tf.Tensor];
    beforeAll(async () => {
      await engine.use();
      [a, b] = [draw([3, 4], "a"), draw([3, 4], "b")];
    });

    it.each(Object.entries(functions))("is tfjs's: %s", async (_, scalar) => {
      const given = [...(await a.data()), ...(await b.data())];
      const wanted = tf.engine().gradients(() => scalar(a, b), [a, b], undefined, true);
      const { value, gradients } = valueAndGradients(() => scalar(a, b), [a, b]);
      expect(closeness(await value.data(), await wanted.value.data()).relativeToMax).toBeLessThan(1e-6);
      expect(value.shape).toEqual([]);
      for (const [i, expected] of wanted.grads.entries()) {
        const gradient = gradients[i];
        if (expected == null) {
          expect(gradient).toBeUndefined();
          continue;
        }
        expect(gradient?.shape).toEqual(expected.shape);
        const found = closeness(await (gradient as tf.Tensor).data(), await expected.data());
        expect(found.relativeToMax).toBeLessThan(2e-6);
      }
      expect([...(await a.data()), ...(await b.data())]).toEqual(given);
    });

    it.each(Object.entries(functions))("leaves its value and gradients alone: %s", async (_, scalar) => {
      const left = await leakedTensors(() => {
        const { value, gradients } = valueAndGradients(() => scalar(a, b), [a, b]);
        tf.dispose([value, ...gradients.filter((gradient) => gradient !== undefined)]);
      });
      expect(left).toBe(0);
    });

    it("gives tensors that are the caller's own, each", () => {
      const { value, gradients } = valueAndGradients(() => total(sum(a, b)), [a, b]);
      const [first, second] = gradients as [tf.Tensor, tf.Tensor];
      const ones = new Float32Array(12).fill(1);
      first.dispose();
      value.dispose();
      expect(second.dataSync()).toEqual(ones);
      second.dispose();
      expect(a.isDisposed || b.isDisposed).toBe(false);
    });

    it("has gradient 1 for an x that is the value itself, and for one that is asked for twice", async () => {
      const x = draw([], "x") as tf.Scalar;
      const { value, gradients } = valueAndGradients(() => x, [x, a]);
      expect((await (gradients[0] as tf.Tensor).data())[0]).toBe(1);
      expect(gradients[1]).toBeUndefined();
      expect((await value.data())[0]).toBe((await x.data())[0]);
      const twice = valueAndGradients(() => total(tf.square(a)), [a, a]).gradients;
      expect(await (twice[0] as tf.Tensor).data()).toEqual(await (twice[1] as tf.Tensor).data());
    });

    it("goes within somebody else's differentiation, as tfjs's own does", async () => {
      const outer = (inner: (x: tf.Tensor) => tf.Tensor): tf.Tensor =>
        tf.grad((x) => total(tf.mul(inner(x), x)))(a);
      const cube = (x: tf.Tensor): tf.Scalar => total(tf.mul(tf.square(x), x));
      const ours = outer((x) => valueAndGradients(() => cube(x), [x]).gradients[0] as tf.Tensor);
      const theirs = outer((x) => tf.grad(cube)(x));
      expect(closeness(await ours.data(), await theirs.data()).relativeToMax).toBeLessThan(1e-6);
    });

    it("keeps what is marked to be kept", async () => {
      let marked: tf.Tensor | undefined;
      const { value, gradients } = valueAndGradients(() => {
        marked = tf.keep(tf.exp(a));
        return total(marked);
      }, [a]);
      expect(await (marked as tf.Tensor).data()).toEqual(await (gradients[0] as tf.Tensor).data());
      tf.dispose([marked as tf.Tensor, value, gradients[0] as tf.Tensor]);
    });

    it("leaves no tensor and no open tape after an error, in the function or in a gradient", async () => {
      const failing = (x: tf.Tensor): tf.Tensor =>
        withGradient(
          [x],
          () => ({ value: tf.exp(x), save: [tf.clone(x)] }),
          () => {
            throw new Error("no gradient");
          },
        );
      const left = await leakedTensors(() => {
        const inFunction = (): unknown =>
          valueAndGradients(() => {
            tf.mul(tf.exp(a), gelu(b));
            throw new Error("no value");
          }, [a]);
        expect(inFunction).toThrow("no value");
        const inGradient = (): unknown =>
          valueAndGradients(() => total(tf.mul(failing(tf.exp(a)), tf.square(a))), [a]);
        expect(inGradient).toThrow("no gradient");
      });
      expect(left).toBe(0);
      expect(tf.engine().state.gradientDepth).toBe(0);
      const { gradients } = valueAndGradients(() => total(tf.square(b)), [b]);
      expect(closeness(await (gradients[0] as tf.Tensor).data(), await tf.mul(b, 2).data()).maxAbsolute).toBe(
        0,
      );
    });
  });

  describe.skipIf(engine.engine.kernels.length === 0)(`sums in place on ${engine.name}`, () => {
    beforeAll(() => engine.use());
    const x = (): tf.Tensor => tf.fill([5], 41);
    const add = (to: tf.Tensor): number[] => [
      ...(runKernel("SitAddTo", { to, x: x() })[0] as tf.Tensor).dataSync(),
    ];

    it("take the memory of a sum that nobody else holds", () => {
      expect(hasKernel("SitAddTo")).toBe(true);
      const to = tf.fill([5], 1);
      expect(add(to)).toEqual([42, 42, 42, 42, 42]);
      expect([...to.dataSync()]).toEqual([42, 42, 42, 42, 42]);
    });

    it.each<[string, (to: tf.Tensor) => tf.Tensor]>([
      ["a view", (to) => tf.reshape(to, [5, 1])],
      ["a slice", (to) => tf.slice(to, [2])],
      ["one with another axis", (to) => tf.expandDims(to)],
    ])("leave %s as it is", (_, hold) => {
      const to = tf.fill([5], 1);
      const held = hold(to);
      expect(add(to)).toEqual([42, 42, 42, 42, 42]);
      expect([...new Set(held.dataSync())]).toEqual([1]);
    });

    it("leave an array that a tensor was made of, and an operand that is the sum itself", () => {
      const array = new Float32Array(5).fill(1);
      expect(add(tf.tensor1d(array))).toEqual([42, 42, 42, 42, 42]);
      expect([...array]).toEqual([1, 1, 1, 1, 1]);
      const twice = tf.fill([5], 1);
      const [next] = runKernel("SitAddTo", { sum: twice, x: twice }) as [tf.Tensor];
      expect([...next.dataSync()]).toEqual([2, 2, 2, 2, 2]);
      expect([...twice.dataSync()]).toEqual([1, 1, 1, 1, 1]);
    });

    it("never change a gradient that somebody has taken out of the walk", () => {
      const taken: tf.Tensor[] = [];
      const watched = (given: tf.Tensor): tf.Tensor =>
        tf.customGrad((inner) => ({
          value: tf.clone(inner as tf.Tensor),
          gradFunc: (dy) => {
            taken.push(tf.keep(tf.clone(dy)));
            return tf.clone(dy);
          },
        }))(given);
      const a = draw([3, 4], "a");
      valueAndGradients(() => total(tf.add(watched(a), tf.add(watched(a), tf.square(watched(a))))), [a]);
      expect(taken).toHaveLength(3);
      const slopes = taken.map((dy) => [...dy.dataSync()]);
      const twice = Array.from(a.dataSync(), (value) => Math.fround(2 * value));
      expect(slopes.filter((slope) => slope.every((value) => value === 1))).toHaveLength(2);
      expect(slopes.filter((slope) => slope.join() === twice.join())).toHaveLength(1);
    });
  });
}
