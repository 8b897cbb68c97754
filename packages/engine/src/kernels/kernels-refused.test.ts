import {
  attention,
  linear,
  linearGelu,
  linearResidual,
  type PerceptronParams,
  perceptronResidual,
  runKernel,
  SitError,
} from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { beforeEach, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { expectRefused } from "../testing/kernel-checks.js";
import { registerKernels } from "./register.js";

// Only where the native engine is installed and its kernels were compiled.
const native = (await engines()).find(({ engine }) => engine.kernels.length > 0);

const ones = (...shape: number[]): tf.Tensor => tf.ones(shape);
const whole = (...shape: number[]): tf.Tensor => tf.ones(shape, "int32");

type Attributes = Record<string, number | boolean | string>;
type Call = [what: string, inputs: tf.Tensor[], attributes?: Attributes];

const linearAttributes = { biases: 0, ontos: 0, scales: 0, gelu: false, keep: true, reduced: false };
const linearGradAttributes = { xs: 1, roundeds: 0, befores: 0, scales: 0 };
const perceptronAttributes = { ontos: 0, scales: 0, keep: true, reduced: false };
const perceptronGradAttributes = { exacts: 2, roundeds: 0, scales: 0 };
const attentionAttributes = { heads: 2, keep: true, reduced: false };
const attentionGradAttributes = { qkvs: 1, roundeds: 0, heads: 2 };

/** Of each kernel a call that runs. */
const right: Record<string, () => Call> = {
  SitLinear: () => [
    "with all",
    [ones(4, 3), ones(4, 3), ones(4), ones(4, 4), ones(2)],
    { ...linearAttributes, biases: 1, ontos: 1, scales: 1 },
  ],
  SitLinearGrad: () => ["", [ones(2, 4), ones(4, 3), ones(2, 3)], linearGradAttributes],
  SitPerceptron: () => ["", [ones(2, 3), ones(4, 3), ones(4), ones(3, 4), ones(3)], perceptronAttributes],
  SitPerceptronGrad: () => [
    "",
    [ones(2, 3), ones(4, 5), ones(3, 4), ones(2, 5), ones(2, 4)],
    perceptronGradAttributes,
  ],
  SitAttention: () => ["", [ones(1, 2, 12)], attentionAttributes],
  SitAttentionGrad: () => ["", [ones(1, 2, 4), ones(1, 2, 12)], attentionGradAttributes],
  SitGelu: () => ["", [ones(2)]],
  SitGeluGrad: () => ["", [ones(2), ones(2)]],
  SitLayerNorm: () => ["", [ones(2, 3), ones(3), ones(3)], { epsilon: 1e-6 }],
  SitLayerNormGrad: () => ["", [ones(2, 3), ones(2, 3), ones(3), ones(2), ones(2)]],
  SitAdamW: () => [
    "",
    [ones(3), ones(3), ones(3), ones(3), ones(7), ones(1), ones(1), ones(1), ones(1)],
    { overwrite: true },
  ],
  SitNorms: () => ["", [ones(3), ones(2)]],
  SitMomentum: () => ["", [ones(3), ones(3), ones(2)], { overwrite: true }],
  SitAddTo: () => ["", [ones(3), ones(3)]],
  SitPatchify: () => ["", [ones(1, 4, 4, 1)], { patch: 2 }],
  SitUnpatchify: () => ["", [ones(1, 4, 4)], { rows: 2, columns: 2, patch: 2 }],
  SitRandom: () => ["", [whole(1, 2), tf.tensor1d([3], "int32")], { normal: true }],
};

/** Each is one thing off a call that would run. */
const calls: Record<string, () => Call[]> = {
  SitLinear: () => [
    ["inner sizes", [ones(2, 3), ones(4, 5)], linearAttributes],
    ["bias", [ones(2, 3), ones(4, 3), ones(3)], { ...linearAttributes, biases: 1 }],
    ["two biases", [ones(2, 3), ones(4, 3), ones(4), ones(4)], { ...linearAttributes, biases: 2 }],
    ["a bias that is not counted", [ones(2, 3), ones(4, 3), ones(4)], linearAttributes],
    ["a bias that is not there", [ones(2, 3), ones(4, 3)], { ...linearAttributes, biases: 1 }],
    ["more biases than memory", [ones(2, 3), ones(4, 3)], { ...linearAttributes, biases: 2 ** 31 - 1 }],
    ["half a bias", [ones(2, 3), ones(4, 3)], { ...linearAttributes, biases: 0.5 }],
    ["less than no bias", [ones(2, 3), ones(4, 3)], { ...linearAttributes, biases: -1 }],
    ["a NaN of biases", [ones(2, 3), ones(4, 3)], { ...linearAttributes, biases: Number.NaN }],
    ["residual", [ones(2, 3), ones(4, 3), ones(2, 5)], { ...linearAttributes, ontos: 1 }],
    [
      "a scale that does not divide the rows",
      [ones(4, 3), ones(4, 3), ones(4, 4), ones(3)],
      { ...linearAttributes, ontos: 1, scales: 1 },
    ],
    [
      "an empty scale",
      [ones(4, 3), ones(4, 3), ones(4, 4), ones(0)],
      { ...linearAttributes, ontos: 1, scales: 1 },
    ],
    ["whole numbers", [whole(2, 3), ones(4, 3)], linearAttributes],
    ["texts", [tf.tensor(["a"], [1, 1]), ones(4, 1)], linearAttributes],
    ["a scalar x", [tf.scalar(1), ones(4, 1)], linearAttributes],
    ["scalars", [tf.scalar(1), tf.scalar(1)], linearAttributes],
    ["no columns", [ones(2, 0), ones(4, 0)], linearAttributes],
    ["no outputs", [ones(2, 3), ones(0, 3)], linearAttributes],
    ["no attributes", [ones(2, 3), ones(4, 3)]],
    ["a number for a truth value", [ones(2, 3), ones(4, 3)], { ...linearAttributes, gelu: 1 }],
    ["one input", [ones(2, 3)], linearAttributes],
    ["none", [], linearAttributes],
  ],
  SitLinearGrad: () => [
    ["dy", [ones(2, 5), ones(4, 3), ones(2, 3)], linearGradAttributes],
    ["x", [ones(2, 4), ones(4, 3), ones(1, 3)], linearGradAttributes],
    ["no x", [ones(2, 4), ones(4, 3)], { ...linearGradAttributes, xs: 0 }],
    [
      "x and rounded",
      [ones(2, 4), ones(4, 3), ones(2, 3), whole(2, 2)],
      { ...linearGradAttributes, roundeds: 1 },
    ],
    [
      "rounded of as many words as x has numbers",
      [ones(2, 4), ones(4, 3), whole(2, 3)],
      { ...linearGradAttributes, xs: 0, roundeds: 1 },
    ],
    [
      "rounded as floats",
      [ones(2, 4), ones(4, 3), ones(2, 2)],
      { ...linearGradAttributes, xs: 0, roundeds: 1 },
    ],
    ["before", [ones(2, 4), ones(4, 3), ones(2, 3), ones(1, 4)], { ...linearGradAttributes, befores: 1 }],
    ["scale", [ones(2, 4), ones(4, 3), ones(2, 3), ones(3)], { ...linearGradAttributes, scales: 1 }],
    ["scalars", [tf.scalar(1), tf.scalar(1), tf.scalar(1)], linearGradAttributes],
    ["no columns", [ones(2, 0), ones(0, 3), ones(2, 3)], linearGradAttributes],
  ],
  SitPerceptron: () => [
    ["inner sizes", [ones(2, 3), ones(4, 5), ones(4), ones(3, 4), ones(3)], perceptronAttributes],
    ["second weight", [ones(2, 3), ones(4, 3), ones(4), ones(3, 5), ones(3)], perceptronAttributes],
    ["first bias", [ones(2, 3), ones(4, 3), ones(3), ones(3, 4), ones(3)], perceptronAttributes],
    ["second bias", [ones(2, 3), ones(4, 3), ones(4), ones(3, 4), ones(4)], perceptronAttributes],
    [
      "residual",
      [ones(2, 3), ones(4, 3), ones(4), ones(3, 4), ones(3), ones(3)],
      { ...perceptronAttributes, ontos: 1 },
    ],
    [
      "scale",
      [ones(2, 3), ones(4, 3), ones(4), ones(3, 4), ones(3), ones(3)],
      { ...perceptronAttributes, scales: 1 },
    ],
    ["no hidden", [ones(2, 3), ones(0, 3), ones(0), ones(3, 0), ones(3)], perceptronAttributes],
    ["a scalar x", [tf.scalar(1), ones(4, 1), ones(4), ones(3, 4), ones(3)], perceptronAttributes],
    ["whole numbers", [whole(2, 3), ones(4, 3), ones(4), ones(3, 4), ones(3)], perceptronAttributes],
    ["four inputs", [ones(2, 3), ones(4, 3), ones(4), ones(3, 4)], perceptronAttributes],
  ],
  SitPerceptronGrad: () => [
    ["dy", [ones(2, 4), ones(4, 5), ones(3, 4), ones(2, 5), ones(2, 4)], perceptronGradAttributes],
    ["x", [ones(2, 3), ones(4, 5), ones(3, 4), ones(2, 4), ones(2, 4)], perceptronGradAttributes],
    ["before", [ones(2, 3), ones(4, 5), ones(3, 4), ones(2, 5), ones(2, 5)], perceptronGradAttributes],
    ["nothing kept", [ones(2, 3), ones(4, 5), ones(3, 4)], { ...perceptronGradAttributes, exacts: 0 }],
    [
      "one of each",
      [ones(2, 3), ones(4, 5), ones(3, 4), ones(2, 5), whole(2, 2)],
      { ...perceptronGradAttributes, exacts: 1, roundeds: 1 },
    ],
    [
      "rounded x of a pair less",
      [ones(2, 3), ones(4, 5), ones(3, 4), whole(2, 2), whole(2, 2)],
      { ...perceptronGradAttributes, exacts: 0, roundeds: 2 },
    ],
    [
      "rounded before of as many words as numbers",
      [ones(2, 3), ones(4, 5), ones(3, 4), whole(2, 3), whole(2, 4)],
      { ...perceptronGradAttributes, exacts: 0, roundeds: 2 },
    ],
    [
      "scale",
      [ones(2, 3), ones(4, 5), ones(3, 4), ones(2, 5), ones(2, 4), ones(3)],
      { ...perceptronGradAttributes, scales: 1 },
    ],
  ],
  SitAttention: () => [
    ["rank", [ones(2, 12)], attentionAttributes],
    ["no thirds", [ones(1, 2, 10)], attentionAttributes],
    ["heads", [ones(1, 2, 12)], { ...attentionAttributes, heads: 3 }],
    ["no heads", [ones(1, 2, 12)], { ...attentionAttributes, heads: 0 }],
    ["less than no heads", [ones(1, 2, 12)], { ...attentionAttributes, heads: -2 }],
    ["half a head", [ones(1, 2, 12)], { ...attentionAttributes, heads: 1.5 }],
    ["more heads than there are numbers", [ones(1, 2, 12)], { ...attentionAttributes, heads: 2 ** 53 - 1 }],
    ["no width", [ones(1, 2, 0)], attentionAttributes],
    ["whole numbers", [whole(1, 2, 12)], attentionAttributes],
    ["two inputs", [ones(1, 2, 12), ones(1)], attentionAttributes],
  ],
  SitAttentionGrad: () => [
    ["dy", [ones(1, 2, 3), ones(1, 2, 12)], attentionGradAttributes],
    ["tokens", [ones(1, 3, 4), ones(1, 2, 12)], attentionGradAttributes],
    ["nothing kept", [ones(1, 2, 4)], { ...attentionGradAttributes, qkvs: 0 }],
    [
      "rounded of as many words as numbers",
      [ones(1, 2, 4), whole(1, 2, 3, 2, 2)],
      { qkvs: 0, roundeds: 1, heads: 2 },
    ],
    ["rounded of other heads", [ones(1, 2, 4), whole(1, 1, 3, 2, 2)], { qkvs: 0, roundeds: 1, heads: 2 }],
  ],
  SitGelu: () => [
    ["none", []],
    ["two", [ones(2), ones(2)]],
    ["whole numbers", [whole(2)]],
  ],
  SitGeluGrad: () => [["sizes", [ones(2), ones(3)]]],
  SitLayerNorm: () => [
    ["gamma", [ones(2, 3), ones(2), ones(3)], { epsilon: 1e-6 }],
    ["beta", [ones(2, 3), ones(3), ones(2)], { epsilon: 1e-6 }],
    ["a text as epsilon", [ones(2, 3), ones(3), ones(3)], { epsilon: "small" }],
    ["a scalar x", [tf.scalar(1), ones(1), ones(1)], { epsilon: 1e-6 }],
    ["two inputs", [ones(2, 3), ones(3)], { epsilon: 1e-6 }],
  ],
  SitLayerNormGrad: () => [
    ["mean", [ones(2, 3), ones(2, 3), ones(3), ones(3), ones(2)]],
    ["inverse", [ones(2, 3), ones(2, 3), ones(3), ones(2), ones(3)]],
    ["dy", [ones(1, 3), ones(2, 3), ones(3), ones(2), ones(2)]],
  ],
  SitAdamW: () => [
    [
      "moments",
      [ones(3), ones(3), ones(2), ones(3), ones(7), ones(1), ones(1), ones(1), ones(1)],
      { overwrite: true },
    ],
    [
      "gradient",
      [ones(3), ones(2), ones(3), ones(3), ones(7), ones(1), ones(1), ones(1), ones(1)],
      { overwrite: true },
    ],
    [
      "settings",
      [ones(3), ones(3), ones(3), ones(3), ones(6), ones(1), ones(1), ones(1), ones(1)],
      { overwrite: true },
    ],
    [
      "decay",
      [ones(3), ones(3), ones(3), ones(3), ones(7), ones(2), ones(1), ones(1), ones(1)],
      { overwrite: true },
    ],
    [
      "root",
      [ones(3), ones(3), ones(3), ones(3), ones(7), ones(1), ones(1), ones(2), ones(1)],
      { overwrite: true },
    ],
    [
      "norms",
      [ones(3), ones(3), ones(3), ones(3), ones(7), ones(1), ones(1), ones(1), ones(2)],
      { overwrite: true },
    ],
    [
      "no norms",
      [ones(3), ones(3), ones(3), ones(3), ones(7), ones(1), ones(1), ones(1), ones(0)],
      { overwrite: true },
    ],
    ["no parameters", [ones(0), ones(0), ones(7), ones(0), ones(0), ones(0), ones(0)], { overwrite: true }],
    [
      "a gradient less",
      [ones(3), ones(3), ones(3), ones(7), ones(1), ones(1), ones(1), ones(1)],
      { overwrite: true },
    ],
    ["two inputs", [ones(3), ones(3)], { overwrite: true }],
  ],
  SitNorms: () => [
    ["no tensors", []],
    ["whole numbers", [whole(2)]],
  ],
  SitMomentum: () => [
    ["sizes", [ones(3), ones(2), ones(2)], { overwrite: true }],
    ["weights", [ones(3), ones(3), ones(1)], { overwrite: true }],
    ["no tensors", [ones(2)], { overwrite: true }],
    ["no attributes", [ones(3), ones(3), ones(2)]],
  ],
  SitAddTo: () => [
    ["sizes", [ones(3), ones(2)]],
    ["shapes", [ones(2, 3), ones(3, 2)]],
    ["whole numbers", [whole(2), whole(2)]],
  ],
  SitPatchify: () => [
    ["a patch of no memory", [ones(1, 0, 0, 3)], { patch: 2 ** 31 }],
    ["half a patch", [ones(1, 4, 4, 1)], { patch: 0.5 }],
  ],
  SitUnpatchify: () => [
    ["sides without end", [ones(1, 2 ** 20, 0)], { rows: 2 ** 10, columns: 2 ** 10, patch: 2 ** 21 }],
  ],
  SitRandom: () => [["a negative side", [whole(1, 2), tf.tensor1d([-1], "int32")], { normal: true }]],
};

const numbered = (inputs: tf.Tensor[]): Record<string, tf.Tensor> =>
  Object.fromEntries(inputs.map((tensor, i) => [`input ${i}`, tensor]));

describe.skipIf(native === undefined)("a wrong call from JavaScript is an error that names", () => {
  beforeEach(async () => {
    await native?.use();
    registerKernels();
  });

  for (const [name, of] of Object.entries(calls)) {
    it(name, () => {
      const [, rightInputs, rightAttributes] = (right[name] as () => Call)();
      runKernel(name, numbered(rightInputs), rightAttributes);
      for (const [what, inputs, attributes] of of()) {
        const call = (): unknown => runKernel(name, numbered(inputs), attributes);
        expect(call, what).toThrow(SitError);
        expectRefused(call, name);
      }
    });
  }

  it("the operation of the facade, or its kernel", () => {
    const params = (hidden: number, inner: number): PerceptronParams => ({
      weight1: ones(hidden, 3),
      bias1: ones(hidden),
      weight2: ones(3, inner),
      bias2: ones(3),
    });
    const scale = (size: number): tf.Tensor1D => tf.ones([size]);
    const x = ones(2, 3);
    const wrong: Record<string, () => unknown> = {
      linear: () => linear(x, ones(4, 5)),
      linearGelu: () => linearGelu(x, ones(4, 3), ones(3)),
      linearResidual: () => linearResidual(x, ones(4, 3), undefined, { onto: ones(2, 3) }),
      "linearResidual: expected scale": () =>
        linearResidual(x, ones(3, 3), undefined, { onto: x, scale: scale(1) }),
      perceptronResidual: () => perceptronResidual(x, params(4, 5), { onto: x }),
      "perceptronResidual: expected scale": () =>
        perceptronResidual(x, params(4, 4), { onto: x, scale: scale(4) }),
      attention: () => attention(ones(1, 2, 12) as tf.Tensor3D, 0),
      "attention: expected": () => attention(ones(1, 2, 12) as tf.Tensor3D, 1.5),
    };
    for (const [start, call] of Object.entries(wrong)) {
      expect(call, start).toThrow(SitError);
      expect(call).toThrow(new RegExp(`^${start}`));
    }
    expect([...linear(x, ones(1, 3)).dataSync()]).toEqual([3, 3]);
  });
});
