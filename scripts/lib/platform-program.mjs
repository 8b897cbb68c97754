// What a user's project runs in `npm run platform-check`: argument 1 says which part, the last line is its result.
import { linearGelu } from "@sitjs/core";
import { diagnose, installEngine, useEngine } from "@sitjs/engine";
import * as tf from "@tensorflow/tfjs";

/** One fused operation, computed by whatever is registered. */
function compute() {
  const values = (count, step) => Float32Array.from({ length: count }, (_, i) => Math.sin(step * i));
  const [x, weight, bias] = [
    tf.tensor2d(values(64 * 96, 0.3), [64, 96]),
    tf.tensor2d(values(48 * 96, 0.7), [48, 96]),
    tf.tensor1d(values(48, 1.1)),
  ];
  return tf.tidy(() => linearGelu(x, weight, bias).dataSync());
}

/** The same with the names of the kernels that computed it. */
async function profiled() {
  /** @type {number[]} */
  let values = [];
  const { kernelNames } = await tf.profile(() => {
    values = [...compute()];
    return tf.scalar(0);
  });
  return { values, kernels: kernelNames };
}

const parts = {
  async install() {
    const stages = [];
    const installed = await installEngine({
      onProgress: ({ stage, detail }) => stages.push([stage, detail]),
    });
    const { compiler, engines, platformPackage } = await diagnose();
    const engine = await useEngine({ prefer: "tfjs-node" });
    const fused = await profiled();
    await useEngine({ prefer: "tfjs-node", kernels: false });
    const composed = await profiled();
    const largest = Math.max(...composed.values.map(Math.abs));
    const difference = Math.max(...fused.values.map((value, i) => Math.abs(value - composed.values[i])));
    const ran = { fused: fused.kernels, composed: composed.kernels };
    return {
      stages,
      installed,
      compiler,
      engines,
      platformPackage,
      engine,
      ran,
      difference: difference / largest,
    };
  },
  async start() {
    return { engine: await useEngine({ prefer: "tfjs-node" }), values: [...compute().slice(0, 3)] };
  },
  async again() {
    const error = await installEngine({ method: "package", force: true }).catch((thrown) => thrown);
    return { code: error.code, message: error.message, mend: error.mend };
  },
};
console.log(JSON.stringify(await parts[process.argv[2]]()));
