import { createRequire } from "node:module";
import { SitError } from "@sitjs/core/errors";
import { type Host, lastLines } from "./host.js";

// A broken library can end the process that loads it, so the first load is a child's.
const program = `
const [tfjs, nativePackage] = process.argv.slice(1);
const tf = require(tfjs);
globalThis[Symbol.for("sitjs.tfjs")] = tf;
require(nativePackage);
const product = tf.matMul(tf.tensor2d([[1, 2], [3, 4]]), tf.tensor2d([[5, 6], [7, 8]]));
const gradient = tf.grad((x) => tf.mean(tf.mul(x, x)))(tf.tensor1d([1, 2, 3, 4]));
console.log(JSON.stringify({ backend: tf.getBackend(), values: [...product.dataSync(), ...gradient.dataSync()] }));
`;

const expected = JSON.stringify({ backend: "tensorflow", values: [19, 22, 43, 50, 0.5, 1, 1.5, 2] });

/** Loads a native engine in a child process and multiplies there; throws `SitError("engine-install")`. */
export async function checkNative(packageDirectory: string, host: Host, signal?: AbortSignal): Promise<void> {
  const tfjs = createRequire(import.meta.url).resolve("@tensorflow/tfjs");
  const env = { ...host.env, NODE_OPTIONS: "", TF_CPP_MIN_LOG_LEVEL: "2" };
  const result = await host.run(process.execPath, ["-e", program, "--", tfjs, packageDirectory], {
    env,
    signal,
  });
  if (result.code === 0 && result.stdout.trim().endsWith(expected)) return;
  const said = result.code === 0 ? `wrong numbers: ${result.stdout.trim()}` : lastLines(result, 8);
  throw new SitError(
    "engine-install",
    `the engine was built but does not compute here (exit code ${result.code}): ${said}`,
    { mend: "TensorFlow's wheels need a processor with AVX. The wasm engine still works." },
  );
}
