import { createRequire } from "node:module";
import { closeness } from "@sitjs/core/testing";
import { describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { nodeHost } from "../host.js";
import { installedEngine } from "../install.js";
import type { InstalledEngine } from "../types.js";
import { builtKernels } from "./load.js";

// What can only be set before TensorFlow starts is tried in processes of its own: threads, and lesser processors.
const engine = (await engines()).some((under) => under.engine.kernels.length > 0)
  ? await installedEngine()
  : undefined;

const program = `
const [tfjs, nativePackage, kernels] = process.argv.slice(1);
const tf = require(tfjs);
globalThis[Symbol.for("sitjs.tfjs")] = tf;
require(nativePackage);
const { table, tables } = require(kernels);
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
console.log(JSON.stringify({ table, tables, outputs: outputs.map((tensor) => [...tensor.dataSync()]) }));
`;

interface Result {
  readonly table: string;
  readonly tables: readonly string[];
  readonly outputs: number[][];
}

async function compute(installed: InstalledEngine, env: Record<string, string>): Promise<Result> {
  const host = nodeHost();
  const tfjs = createRequire(import.meta.url).resolve("@tensorflow/tfjs");
  const kernels = await builtKernels(installed, host, () => undefined);
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
    }
  });

  // Other processors have one instruction set only, so that there is nothing to compare.
  it.skipIf(process.arch !== "x64")("agree on every instruction set this processor has", async () => {
    const best = await compute(installed, {});
    expect(best.tables[0]).toBe("compute_base");
    expect(best.tables.at(-1)).toBe(best.table);
    for (const table of best.tables) {
      const lesser = await compute(installed, { SITJS_SIMD: table.replace("compute_", "") });
      expect(lesser.table).toBe(table);
      for (const [i, values] of lesser.outputs.entries()) {
        expect(closeness(values, best.outputs[i] as number[]).relativeToMax).toBeLessThan(2e-5);
      }
    }
  });
});
