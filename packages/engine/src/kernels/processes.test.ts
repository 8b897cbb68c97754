import { createRequire } from "node:module";
import { closeness } from "@sitjs/core/testing";
import { describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { nodeHost } from "../host.js";
import { installedEngine } from "../install.js";
import type { InstalledEngine } from "../types.js";
import { findKernels } from "./load.js";

// What can only be set before TensorFlow starts is tried in processes of its own: threads, and lesser processors.
const engine = (await engines()).some((under) => under.engine.kernels.length > 0)
  ? await installedEngine()
  : undefined;

const start = `
const [tfjs, nativePackage, kernels] = process.argv.slice(1);
const tf = require(tfjs);
globalThis[Symbol.for("sitjs.tfjs")] = tf;
require(nativePackage);
const { table, tables } = require(kernels);
const backend = tf.backend();
const { TF_ATTR_INT, TF_ATTR_FLOAT, TF_ATTR_BOOL } = backend.binding;
const run = (name, attributes, inputs, count) =>
  backend.executeMultipleOutputs(name, attributes.map(([name, type, value]) => ({ name, type, value })), inputs, count);
const ints = (values) => Object.entries(values).map(([name, value]) => [name, TF_ATTR_INT, value]);
const bools = (values) => Object.entries(values).map(([name, value]) => [name, TF_ATTR_BOOL, value]);
`;

const program = `${start}
let state = 1;
const draw = (...shape) =>
  tf.tensor(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state / 2 ** 31 - 1;
  }), shape);
const [x, weight, bias, dy] = [draw(1500, 70), draw(190, 70), draw(190), draw(1500, 190)];
const products = (reduced) => {
  const [xs, roundeds] = reduced ? [0, 1] : [1, 0];
  const linear = [...ints({ biases: 1, ontos: 0, scales: 0 }), ...bools({ gelu: true, keep: true, reduced })];
  const [y, before, rounded] = run("SitLinear", linear, [x, weight, bias], 3);
  const grad = ints({ xs, roundeds, befores: 1, scales: 0 });
  const gradients = run("SitLinearGrad", grad, [dy, weight, reduced ? rounded : x, before], 3);
  const [second, onto] = [draw(70, 190), draw(1500, 70)];
  const perceptron = [...ints({ ontos: 1, scales: 0 }), ...bools({ keep: true, reduced })];
  const inputs = [x, weight, bias, second, draw(70), onto];
  const [z, exact, ...pairs] = run("SitPerceptron", perceptron, inputs, 4);
  const kept = reduced ? pairs : [x, exact];
  const kinds = ints({ exacts: 2 * xs, roundeds: 2 * roundeds, scales: 0 });
  const more = run("SitPerceptronGrad", kinds, [onto, weight, second, ...kept], 5);
  const qkv = draw(40, 19, 3 * 36);
  const attention = [...ints({ heads: 3 }), ...bools({ keep: true, reduced })];
  const [mixed, words] = run("SitAttention", attention, [qkv], 2);
  const back = ints({ qkvs: xs, roundeds, heads: 3 });
  const dQkv = run("SitAttentionGrad", back, [draw(40, 19, 36), reduced ? words : qkv], 1);
  return [y, ...gradients, z, ...more, mixed, ...dQkv];
};
const [float32, bfloat16] = [products(false), products(true)];
const [gamma, beta] = [draw(70), draw(70)];
const norm = run("SitLayerNorm", [["epsilon", TF_ATTR_FLOAT, 1e-6]], [x, gamma, beta], 3);
const normGradients = run("SitLayerNormGrad", [], [draw(1500, 70), x, gamma, norm[1], norm[2]], 3);
const lists = [["count", TF_ATTR_INT, 2], ["overwrite", TF_ATTR_BOOL, false]];
// An epsilon as large as gradients get: else the step's direction keeps no digit of one that is nearly 0.
const settings = tf.tensor1d([0.9, 0.1, 0.99, 0.01, 1e-2, 1, 0]);
const two = tf.tensor1d([0.9, 0.8]);
const moments = [tf.zeros([13490]), tf.zeros([13490])];
const gradients = [float32[2], float32[3]];
const norms = run("SitNorms", [["count", TF_ATTR_INT, 2]], gradients, 1);
const stepInputs = [weight, bias, ...gradients, ...moments, settings, two, two, two, ...norms];
const adamw = run("SitAdamW", lists, stepInputs, 4);
const outputs = [...float32, ...norm, ...normGradients, ...norms, ...adamw];
const [images, clean, scale] = [draw(3, 64, 96, 3), draw(3, 64, 96, 3), draw(3)];
const mask = draw(3, 64, 96, 1);
const absolute = [["mask_count", TF_ATTR_INT, 1], ["squared", TF_ATTR_BOOL, false]];
const [error, count] = run("SitMaskedError", absolute, [images, clean, mask], 2);
outputs.push(error, ...run("SitMaskedErrorGrad", absolute, [error, images, clean, count, mask], 1));
outputs.push(...run("SitResidual", [], [images, clean, scale], 1), ...run("SitScaleSamples", [], [clean, scale], 1));
const affine = (count) => [["affine_count", TF_ATTR_INT, count], ["epsilon", TF_ATTR_FLOAT, 1e-5]];
const statistics = run("SitBatchStatistics", [], [dy], 2);
outputs.push(...statistics, ...run("SitBatchNorm", affine(2), [dy, ...statistics, bias, bias], 1));
outputs.push(...run("SitBatchNormGrad", affine(1), [draw(1500, 190), dy, ...statistics, bias], 3));
const patches = run("SitPatchify", [["patch", TF_ATTR_INT, 4]], [images], 1);
const grid = [["rows", TF_ATTR_INT, 8], ["columns", TF_ATTR_INT, 12], ["patch", TF_ATTR_INT, 8]];
const keys = tf.tensor2d([1, 2, 3, -4, 5, 6], [3, 2], "int32");
const random = (normal) =>
  run("SitRandom", [["normal", TF_ATTR_BOOL, normal]], [keys, tf.tensor1d([3, 21001], "int32")], 1);
// What is the same on every instruction set, too: values that are only moved, and random ones.
const exact = [
  ...patches,
  ...run("SitUnpatchify", grid, [tf.reshape(images, [3, 96, 192])], 1),
  ...random(true),
  ...random(false),
];
const values = (tensors) => tensors.map((tensor) => [...tensor.dataSync()]);
console.log(JSON.stringify({ table, tables, outputs: values(outputs), bfloat16: values(bfloat16), exact: values(exact) }));
`;

// Past what this package's own JavaScript refuses: sizes that only the kernels can look at. Tensors without elements
// have any shape.
const wrongCalls = `${start}
const calls = {
  patch: () => run("SitPatchify", ints({ patch: 2 ** 31 }), [tf.ones([1, 0, 0, 3])], 1),
  sides: () =>
    run("SitUnpatchify", ints({ rows: 2 ** 15, columns: 2 ** 15, patch: 2 ** 20 }), [tf.ones([1, 2 ** 30, 0])], 1),
  heads: () =>
    run("SitAttention", [...ints({ heads: -1 }), ...bools({ keep: true, reduced: true })], [tf.ones([1, 2, 12])], 2),
  weight: () =>
    run(
      "SitLinearGrad",
      ints({ xs: 0, roundeds: 1, befores: 0, scales: 0 }),
      [tf.ones([2, 4]), tf.ones([4, 3]), tf.ones([2, 3], "int32")],
      3,
    ),
  random: () =>
    run("SitRandom", bools({ normal: true }), [
      tf.ones([1, 2], "int32"),
      tf.tensor1d([2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1], "int32"),
    ], 1),
};
const refused = Object.entries(calls).map(([name, call]) => {
  try {
    return [name, "ran: " + call().map(({ shape }) => "[" + shape + "]")];
  } catch (error) {
    return [name, "refused"];
  }
});
console.log(JSON.stringify({ ...Object.fromEntries(refused), sum: tf.add(1, 1).dataSync()[0] }));
`;

interface Result {
  readonly table: string;
  readonly tables: readonly string[];
  readonly outputs: number[][];
  readonly bfloat16: number[][];
  readonly exact: number[][];
}

async function compute<T = Result>(
  installed: InstalledEngine,
  env: Record<string, string>,
  text = program,
): Promise<T> {
  const host = nodeHost();
  const tfjs = createRequire(import.meta.url).resolve("@tensorflow/tfjs");
  const kernels = await findKernels(installed, host, { onBuild: () => undefined });
  const args = ["-e", text, "--", tfjs, installed.packageDirectory, kernels];
  const result = await host.run(process.execPath, args, {
    env: { ...host.env, NODE_OPTIONS: "", TF_CPP_MIN_LOG_LEVEL: "2", ...env },
  });
  expect(result.code, result.stderr).toBe(0);
  return JSON.parse(result.stdout) as T;
}

// Only where the native engine is installed and its kernels were compiled.
describe.skipIf(engine === undefined)("fused kernels in processes of their own", () => {
  const installed = engine as InstalledEngine;

  it("give the same bits on 1, 2 and 5 threads", async () => {
    const one = await compute(installed, { TF_NUM_INTRAOP_THREADS: "1" });
    for (const threads of ["2", "5"]) {
      const other = await compute(installed, { TF_NUM_INTRAOP_THREADS: threads });
      expect(other.outputs).toEqual(one.outputs);
      expect(other.bfloat16).toEqual(one.bfloat16);
      expect(other.exact).toEqual(one.exact);
    }
  });

  it("refuse sizes beyond all memory, and live on", async () => {
    expect(await compute<Record<string, unknown>>(installed, {}, wrongCalls)).toEqual({
      patch: "refused",
      sides: "refused",
      heads: "refused",
      weight: "refused",
      random: "refused",
      sum: 2,
    });
  });

  // Other processors have one instruction set only, so that there is nothing to compare.
  it.skipIf(process.arch !== "x64")("agree on every instruction set this processor has", async () => {
    const best = await compute(installed, {});
    expect(best.tables[0]).toBe("compute_base");
    expect(best.tables.at(-1)).toBe(best.table);
    for (const table of best.tables) {
      const lesser = await compute(installed, { SITJS_SIMD: table.replace("compute_", "") });
      expect(lesser.table).toBe(table);
      expect(lesser.exact).toEqual(best.exact);
      for (const [i, values] of lesser.outputs.entries()) {
        expect(closeness(values, best.outputs[i] as number[]).relativeToMax).toBeLessThan(2e-5);
      }
      // A sum in another order can round to the next bfloat16, 2^-8 away, where it is an operand again.
      for (const [i, values] of lesser.bfloat16.entries()) {
        expect(closeness(values, best.bfloat16[i] as number[]).relativeToMax).toBeLessThan(4e-3);
      }
    }
  });
});
