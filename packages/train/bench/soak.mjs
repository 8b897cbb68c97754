// Tensors and memory of a long tiny run, on the built packages: `npm run build && node packages/train/bench/soak.mjs`.
// Options: --steps 2000 --engine auto|tfjs-node|wasm|cpu. Exits with 1 where the number of tensors changes.
import { parseArgs } from "node:util";
import { randomStream } from "@sitjs/core";
import { useEngine } from "@sitjs/engine";
import { crossViewNtXent, maskedL1 } from "@sitjs/losses";
import { gmml } from "@sitjs/masking";
import { disposeState, pretrain, sit } from "@sitjs/train";
import { projectionHead, reconstructionHead, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";

const { values } = parseArgs({
  options: { steps: { type: "string", default: "2000" }, engine: { type: "string", default: "auto" } },
});
const steps = Number(values.steps);
const engine = await useEngine({ prefer: values.engine });
const [size, patchSize, width, batchSize] = [16, 4, 32, 8];
const shape = [batchSize, size, size, 3];

const loader = {
  batchSize,
  stepsPerEpoch: 10,
  async *range(start, end) {
    for (let step = start; step < end; step++) {
      const view = (name) => ({
        data: randomStream(0, "pixels", step, name).fillNormal(new Float32Array(batchSize * size * size * 3)),
        shape,
      });
      const epoch = Math.floor(step / 10);
      yield { views: [view("a"), view("b")], indices: new Int32Array(batchSize), epoch, step };
    }
  },
};
const method = sit({
  backbone: visionTransformer({ imageSize: size, patchSize, width, depth: 2, heads: 2 }),
  corruption: gmml(),
  reconstruction: { head: reconstructionHead({ width, patchSize, hidden: 64 }), loss: maskedL1() },
  contrast: { head: projectionHead({ width, hidden: 64, output: 32 }), loss: crossViewNtXent() },
});

console.log(`engine ${engine.name}, ${steps} steps of batch ${batchSize}`);
console.log("  steps  tensors  tensor MB   RSS MB  heap MB  seconds");
const started = performance.now();
const mb = (bytes) => (bytes / 2 ** 20).toFixed(1);
const counts = new Set();
for await (const { step, state } of pretrain(method, loader, { steps })) {
  const { numTensors, numBytes } = tf.memory();
  counts.add(numTensors);
  if ((step + 1) % 200 === 0 || step === 0 || step + 1 === steps) {
    const { rss, heapUsed } = process.memoryUsage();
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    const columns = [step + 1, numTensors, mb(numBytes), mb(rss), mb(heapUsed), seconds];
    console.log(columns.map((value, i) => String(value).padStart([7, 9, 11, 9, 9, 9][i])).join(""));
  }
  if (step + 1 === steps) disposeState(state);
}
console.log(`tensors after each step: ${[...counts].join(", ")}; after the run: ${tf.memory().numTensors}`);
process.exitCode = counts.size === 1 ? 0 : 1;
