import { type RandomStream, randomNormal, randomStream, randomUniform, runKernel } from "@sitjs/core";
import { leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeEach, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { expectRefused, expectSameComposed, kernelsOf } from "../testing/kernel-checks.js";
import { registerKernels } from "./register.js";

// Only where the native engine is installed and its kernels were compiled.
const native = (await engines()).find(({ engine }) => engine.kernels.length > 0);

/** What this test uses of tfjs-node's backend: operations on handles, for types that tfjs does not have. */
interface RawBackend {
  readonly binding: {
    readonly TF_ATTR_TYPE: number;
    readonly TF_INT32: number;
    executeOp(name: string, attributes: object[], inputs: number[], outputs: number): { id: number }[];
    tensorDataSync(id: number): Int32Array;
    deleteTensor(id: number): void;
  };
  getInputTensorIds(tensors: tf.Tensor[]): number[];
}

/** 32-bit words by TensorFlow's own Philox, for a key and a first block. */
function tensorflowWords(key: [number, number], block: number, count: number): Uint32Array {
  const backend = tf.backend() as unknown as RawBackend;
  const { binding } = backend;
  const idOf = (tensor: tf.Tensor): number => backend.getInputTensorIds([tensor])[0] as number;
  const type = (name: string, value: number): object => ({ name, type: binding.TF_ATTR_TYPE, value });
  const run = (name: string, attributes: object[], inputs: number[]): number =>
    (binding.executeOp(name, attributes, inputs, 1)[0] as { id: number }).id;
  const unsigned64 = 23; // DT_UINT64
  const toUnsigned64 = (words: number[]): number =>
    run(
      "Bitcast",
      [type("T", binding.TF_INT32), type("type", unsigned64)],
      [idOf(tf.tensor2d(words, [words.length / 2, 2], "int32"))],
    );
  const handles = [toUnsigned64(key), toUnsigned64([block, 0, 0, 0])];
  const philox = idOf(tf.scalar(1, "int32"));
  const words = run(
    "StatelessRandomUniformFullIntV2",
    [type("dtype", binding.TF_INT32), type("Tshape", binding.TF_INT32)],
    [idOf(tf.tensor1d([count], "int32")), ...handles, philox],
  );
  const values = Uint32Array.from(binding.tensorDataSync(words));
  for (const handle of [...handles, words]) binding.deleteTensor(handle);
  return values;
}

/** A stream that gives this key: only `integer` is asked. */
function streamOf(...key: number[]): RandomStream {
  const left = [...key];
  return { ...randomStream(0), integer: () => left.shift() as number };
}

describe.skipIf(native === undefined)("fused random numbers", () => {
  beforeEach(async () => {
    await native?.use();
    registerKernels();
  });

  it.each([[[]], [[0]], [[1]], [[3]], [[64]], [[65]], [[4097]], [[100003]], [[5, 7, 9]], [[2, 0, 3]]])(
    "have the bits of the portable form in shape %j",
    async (shape) => {
      const draws = (): tf.Tensor[] => [
        randomUniform(shape, randomStream(1, "uniform")),
        randomNormal(shape, randomStream(1, "normal")),
      ];
      expect(kernelsOf(draws)).toEqual(["SitRandom", "SitRandom"]);
      await expectSameComposed(draws, 0);
    },
  );

  it.each([1, 3, 4095, 4096, 4099])(
    "have them too where every part has its own stream of %i",
    async (size) => {
      const streams = (): RandomStream[] => Array.from({ length: 5 }, (_, i) => randomStream(2, i));
      const draws = (): tf.Tensor[] => [
        randomUniform([5, size], streams()),
        randomNormal([5, size], streams()),
      ];
      await expectSameComposed(draws, 0);
    },
  );

  it("are TensorFlow's own Philox words, from the first block to far ones", async () => {
    for (const key of [
      [0, 0],
      [5, -7],
      [0x7fffffff, -1],
    ] as [number, number][]) {
      const words = tensorflowWords(key, 0, 9000);
      const uniform = await randomUniform([9000], streamOf(...key)).data();
      expect(Array.from(uniform)).toEqual(Array.from(words, (word) => (word >>> 8) / 2 ** 24));
      expect(tensorflowWords(key, 2000, 4)).toEqual(words.slice(8000, 8004));
    }
  });

  it("leave nothing behind", async () => {
    const stream = randomStream(0);
    expect(await leakedTensors(() => randomNormal([3, 4], stream).dispose())).toBe(0);
  });

  const keys = (streams: number): tf.Tensor => tf.zeros([streams, 2], "int32");
  const shape = (...sides: number[]): tf.Tensor => tf.tensor1d(sides, "int32");
  const normal = { normal: true };
  const calls: Record<string, () => unknown> = {
    "keys of one word": () => runKernel("SitRandom", { k: tf.zeros([2, 1], "int32"), s: shape(4) }, normal),
    "float keys": () => runKernel("SitRandom", { k: tf.zeros([1, 2]), s: shape(4) }, normal),
    "a float shape": () => runKernel("SitRandom", { k: keys(1), s: tf.tensor1d([4]) }, normal),
    "a shape of rank 2": () => runKernel("SitRandom", { k: keys(1), s: tf.ones([1, 1], "int32") }, normal),
    "a negative side": () => runKernel("SitRandom", { k: keys(1), s: shape(4, -1) }, normal),
    "a size beyond 64 bits": () =>
      runKernel("SitRandom", { k: keys(1), s: shape(2 ** 30, 2 ** 30, 2 ** 30) }, normal),
    "streams that do not fit": () => runKernel("SitRandom", { k: keys(3), s: shape(4) }, normal),
    "no streams": () => runKernel("SitRandom", { k: keys(0), s: shape(4) }, normal),
    "no kind": () => runKernel("SitRandom", { k: keys(1), s: shape(4) }),
    "one input": () => runKernel("SitRandom", { k: keys(1) }, normal),
  };
  it.each(Object.entries(calls))("a wrong call is an error: %s", (_, call) => expectRefused(call));
});
