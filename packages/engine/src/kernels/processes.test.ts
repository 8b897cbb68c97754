import { createRequire } from "node:module";
import { closeness } from "@sitjs/core/testing";
import { describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { nodeHost } from "../host.js";
import { installedEngine } from "../install.js";
import type { InstalledEngine } from "../types.js";
import { kernelsPath } from "./build.js";

// What can only be set before TensorFlow starts is tried in processes of its own: threads, and lesser processors.
const engine = (await engines()).some((under) => under.engine.kernels.length > 0)
  ? await installedEngine()
  : undefined;

const program = `
const [tfjs, nativePackage, kernels] = process.argv.slice(1);
const tf = require(tfjs);
globalThis[Symbol.for("sitjs.tfjs")] = tf;
require(nativePackage);
const { table } = require(kernels);
const backend = tf.backend();
const { TF_ATTR_INT, TF_ATTR_FLOAT, TF_ATTR_BOOL } = backend.binding;
let state = 1;
const draw = (...shape) =>
  tf.tensor(Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state / 2 ** 31 - 1;
  }), shape);
const run = (name, attributes, inputs, count) =>
  backend.executeMultipleOutputs(name, attributes.map(([name, type, value]) => ({ name, type, value })), inputs, count);
const [x, weight, bias, dy] = [draw(1500, 70), draw(190, 70), draw(190), draw(1500, 190)];
const gelu = [["bias_count", TF_ATTR_INT, 1], ["gelu", TF_ATTR_BOOL, true], ["keep", TF_ATTR_BOOL, true]];
const [y, before] = run("SitLinear", gelu, [x, weight, bias], 2);
const gradients = run("SitLinearGrad", [["gelu_count", TF_ATTR_INT, 1]], [dy, x, weight, before], 3);
const [gamma, beta] = [draw(70), draw(70)];
const norm = run("SitLayerNorm", [["epsilon", TF_ATTR_FLOAT, 1e-6]], [x, gamma, beta], 3);
const normGradients = run("SitLayerNormGrad", [], [draw(1500, 70), x, gamma, norm[1], norm[2]], 3);
const [qkv, dOut] = [draw(40, 19, 3 * 36), draw(40, 19, 36)];
const heads = [["heads", TF_ATTR_INT, 3]];
const attention = [...run("SitAttention", heads, [qkv], 1), ...run("SitAttentionGrad", heads, [dOut, qkv], 1)];
const lists = [["count", TF_ATTR_INT, 2]];
// An epsilon as large as gradients get: else the step's direction keeps no digit of one that is nearly 0.
const settings = tf.tensor1d([0.9, 0.1, 0.99, 0.01, 1e-2, 1, 1, 0]);
const two = tf.tensor1d([0.9, 0.8]);
const moments = [tf.zeros([13490]), tf.zeros([13490])];
const adamw = run("SitAdamW", lists, [weight, bias, gradients[1], gradients[2], ...moments, settings, two, two], 4);
const outputs = [y, ...gradients, ...norm, ...normGradients, ...attention, ...adamw];
const [images, clean, scale] = [draw(3, 64, 96, 3), draw(3, 64, 96, 3), draw(3)];
const mask = draw(3, 64, 96, 1);
const absolute = [["mask_count", TF_ATTR_INT, 1], ["squared", TF_ATTR_BOOL, false]];
const [error, count] = run("SitMaskedError", absolute, [images, clean, mask], 2);
outputs.push(error, ...run("SitMaskedErrorGrad", absolute, [error, images, clean, count, mask], 1));
outputs.push(...run("SitResidual", [], [images, clean, scale], 1), ...run("SitScaleSamples", [], [clean, scale], 1));
const affine = (count) => [["affine_count", TF_ATTR_INT, count], ["epsilon", TF_ATTR_FLOAT, 1e-5]];
const statistics = run("SitBatchStatistics", [], [dy], 2);
outputs.push(...statistics, ...run("SitBatchNorm", affine(2), [dy, ...statistics, bias, bias], 1));
outputs.push(...run("SitBatchNormGrad", affine(1), [before, dy, ...statistics, bias], 3));
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
console.log(JSON.stringify({ table, outputs: values(outputs), exact: values(exact) }));
`;

interface Result {
  readonly table: string;
  readonly outputs: number[][];
  readonly exact: number[][];
}

async function compute(installed: InstalledEngine, env: Record<string, string>): Promise<Result> {
  const host = nodeHost();
  const tfjs = createRequire(import.meta.url).resolve("@tensorflow/tfjs");
  const kernels = await kernelsPath(installed, host);
  const args = ["-e", program, "--", tfjs, installed.packageDirectory, kernels];
  const result = await host.run(process.execPath, args, {
    env: { ...host.env, NODE_OPTIONS: "", TF_CPP_MIN_LOG_LEVEL: "2", ...env },
  });
  expect(result.code, result.stderr).toBe(0);
  return JSON.parse(result.stdout) as Result;
}

// Only where the native engine is installed and its kernels were compiled.
describe.skipIf(engine === undefined)("fused kernels in processes of their own", () => {
  const installed = engine as InstalledEngine;

  it("give the same bits on 1, 2 and 5 threads", async () => {
    const one = await compute(installed, { TF_NUM_INTRAOP_THREADS: "1" });
    for (const threads of ["2", "5"]) {
      const other = await compute(installed, { TF_NUM_INTRAOP_THREADS: threads });
      expect(other.outputs).toEqual(one.outputs);
      expect(other.exact).toEqual(one.exact);
    }
  });

  // Other processors have one instruction set only, so that there is nothing to compare.
  it.skipIf(process.arch !== "x64")("agree on every instruction set this processor has", async () => {
    const best = await compute(installed, {});
    for (const name of ["base", "avx2"]) {
      const lesser = await compute(installed, { SITJS_SIMD: name });
      expect([`compute_${name}`, "compute_base"]).toContain(lesser.table);
      expect(lesser.exact).toEqual(best.exact);
      for (const [i, values] of lesser.outputs.entries()) {
        expect(closeness(values, best.outputs[i] as number[]).relativeToMax).toBeLessThan(2e-5);
      }
    }
  });
});
