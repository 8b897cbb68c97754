import { disposeParams, hasKernel, type Params, param, randomStream } from "@sitjs/core";
import { leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { adamW, type OptimizerState } from "./optimizer.js";
import { momentumUpdate } from "./teacher.js";

const shapes: Record<string, number[]> = { matrix: [6, 4], row: [1, 4], bias: [5], scalar: [] };

const source = (name: string, shape: readonly number[]): Float32Array =>
  randomStream(7, name).fillNormal(new Float32Array(shape.reduce((product, size) => product * size, 1)));

/**
 * Numbers in memory that an operation has made, as a training step's are: the memory of a tensor made of an array is that
 * array, and never overwritten.
 */
const computed = (name: string, shape: number[]): tf.Tensor =>
  tf.tidy(() => tf.mul(tf.tensor(source(name, shape), shape), 1));

const made = (path: string): Params =>
  Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, computed(`${path} ${name}`, shape)]),
  );

const bits = (params: Params): number[][] => Object.values(params).map((tensor) => [...tensor.dataSync()]);

/** Ways in which somebody else can hold the memory of a tensor. */
const holders: Record<string, (tensor: tf.Tensor) => { dataSync(): ArrayLike<number> }> = {
  "a clone": (tensor) => tf.clone(tensor),
  "a clone that is kept": (tensor) => tf.keep(tf.clone(tensor)),
  "a reshaped view": (tensor) => tf.reshape(tensor, [-1]),
  "a view with another axis": (tensor) => tf.expandDims(tensor),
  "a slice of all": (tensor) => tf.slice(tf.reshape(tensor, [-1]), [0]),
  "a slice of its first axis": (tensor) => tf.slice(tf.expandDims(tensor), [0], [1]),
  "a slice of its last values": (tensor) => tf.slice(tf.reshape(tensor, [-1]), [Math.floor(tensor.size / 2)]),
  "one of its parts": (tensor) => tf.unstack(tf.reshape(tensor, [-1, 1]))[0] as tf.Tensor,
  "a cast to its own type": (tensor) => tf.cast(tensor, tensor.dtype),
  "a variable": (tensor) => tf.variable(tensor),
  "numbers that were read": (tensor) => {
    const values = tensor.dataSync();
    return { dataSync: () => values };
  },
};

interface Update {
  /** What may be overwritten. */
  readonly given: Params;
  /** What must not be. */
  readonly borrowed: Params;
  run(overwrite: boolean | undefined): Params;
}

function adamWUpdate(): Update {
  const optimizer = adamW({ clipping: { perParameter: 1 } });
  const [params, gradients] = [made("parameter"), made("gradient")];
  const total = Object.values(params).reduce((sum, { size }) => sum + size, 0);
  const state: OptimizerState = {
    first_moment: computed("first", [total]),
    second_moment: tf.tidy(() => tf.square(computed("second", [total]))),
  };
  return {
    given: { ...params, ...state },
    borrowed: gradients,
    run(overwrite) {
      const settings = { step: 3, learningRate: 0.1, weightDecay: 0.5, overwrite };
      const next = optimizer.update({ params, gradients, state, ...settings });
      return { ...next.params, ...next.state };
    },
  };
}

function teacherUpdate(): Update {
  const [teacher, student] = [made("teacher"), made("student")];
  return {
    given: teacher,
    borrowed: student,
    run: (overwrite) => momentumUpdate(teacher, student, 0.75, { overwrite }),
  };
}

const updates: [string, () => Update][] = [
  ["adamW", adamWUpdate],
  ["momentumUpdate", teacherUpdate],
];

for (const engine of await engines({ cpu: true })) {
  describe.each(updates)(`overwriting by %s on ${engine.name}`, (name, make) => {
    beforeAll(() => engine.use());

    it("changes nothing that it is given, without being asked to", () => {
      const { given, borrowed, run } = make();
      const next = [run(undefined), run(false)].map(bits);
      expect(next[0]).toEqual(next[1]);
      const twin = make();
      expect(bits(given)).toEqual(bits(twin.given));
      expect(bits(borrowed)).toEqual(bits(twin.borrowed));
      expect(next[0]).not.toEqual(bits(given));
    });

    it("gives the same bits, and leaves what it only borrows", () => {
      const wanted = bits(make().run(false));
      const { borrowed, run } = make();
      expect(bits(run(true))).toEqual(wanted);
      expect(bits(borrowed)).toEqual(bits(make().borrowed));
    });

    it("takes the memory where the engine's kernel can, so that the cases below try something", () => {
      const { given, run } = make();
      const next = run(true);
      const overwritten = hasKernel(name === "adamW" ? "SitAdamW" : "SitMomentum");
      expect(bits(given)).toEqual(overwritten ? bits(next) : bits(make().given));
    });

    it.each(Object.entries(holders))("never changes %s", (_, hold) => {
      const wanted = bits(make().run(false));
      for (const held of Object.keys(make().given)) {
        const expected = [...Array.from(hold(param(make().given, held)).dataSync())];
        const { given, run } = make();
        const other = hold(param(given, held));
        const next = run(true);
        expect([...Array.from(other.dataSync())], held).toEqual(expected);
        expect(bits(next), held).toEqual(wanted);
        // Nor when what was given up is gone.
        disposeParams(given);
        expect([...Array.from(other.dataSync())], held).toEqual(expected);
      }
    });

    it("leaves the numbers that tensors were made of", () => {
      const numbers = source("numbers", [6, 4]);
      const tensor = tf.tensor(numbers, [6, 4]);
      if (name === "adamW") {
        const optimizer = adamW();
        const state = optimizer.init({ tensor });
        const settings = { step: 0, learningRate: 1, weightDecay: 0.5, overwrite: true };
        optimizer.update({ params: { tensor }, gradients: { tensor: tf.ones([6, 4]) }, state, ...settings });
      } else {
        momentumUpdate({ tensor }, { tensor: tf.zeros([6, 4]) }, 0.5, { overwrite: true });
      }
      expect(numbers).toEqual(source("numbers", [6, 4]));
    });

    it("leaves no tensor behind", async () => {
      const { given, borrowed, run } = make();
      expect(await leakedTensors(() => disposeParams(run(true)))).toBe(0);
      disposeParams(given);
      disposeParams(borrowed);
    });
  });

  describe(`the same tensor twice on ${engine.name}`, () => {
    beforeAll(() => engine.use());
    const shared = (): tf.Tensor => computed("shared", [20]);

    function steppedTwice(overwrite: boolean): number[][] {
      const optimizer = adamW();
      const both = shared();
      const params: Params = { a: both, b: both };
      const gradients: Params = { a: tf.ones([20]), b: tf.fill([20], -2) };
      const state = optimizer.init(params);
      const settings = { state, step: 0, learningRate: 0.1, weightDecay: 0.5, overwrite };
      return bits(optimizer.update({ params, gradients, ...settings }).params);
    }

    it("is two parameters, whose steps do not meet", () => {
      expect(steppedTwice(true)).toEqual(steppedTwice(false));
    });

    it("is not overwritten where it is borrowed, too: as a gradient", () => {
      const optimizer = adamW();
      const both = shared();
      const state = optimizer.init({ both });
      const settings = { state, step: 0, learningRate: 0.1, weightDecay: 0.5, overwrite: true };
      optimizer.update({ params: { both }, gradients: { both }, ...settings });
      expect(bits({ both })).toEqual(bits({ both: shared() }));
    });

    it("is not overwritten where it is borrowed, too: as a student", () => {
      const [first, both] = [computed("first", [20]), shared()];
      momentumUpdate({ first, both }, { first: tf.zeros([20]), both }, 0.7, { overwrite: true });
      expect(bits({ both })).toEqual(bits({ both: shared() }));
    });
  });
}
