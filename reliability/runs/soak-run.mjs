// A long run of the tiny network with all that goes on beside the steps: worker threads, checkpoints, evaluation. Looks at
// its own tensors at every step, and prints what it holds of the system as JSON lines.
//   node --expose-gc reliability/runs/soak-run.mjs '{"images": "FOLDER", "out": "FOLDER", "steps": 20000}'
import { readdirSync, readFileSync } from "node:fs";
import { memoryUsage } from "node:process";
import { setTimeout } from "node:timers/promises";
import { evalView } from "@sitjs/augment";
import { SitError, withoutPrefix } from "@sitjs/core";
import { batches, imageFolder, split } from "@sitjs/data";
import { releaseMemory, useEngine } from "@sitjs/engine";
import { embed, knn } from "@sitjs/eval";
import { pretrain } from "@sitjs/train";
import { checkpointFolder } from "@sitjs/train/node";
import * as tf from "@tensorflow/tfjs";
import { networks, statistics, tinyLoader, tinyMethod, transformOf } from "./tiny.mjs";

/**
 * @typedef {object} SoakRun
 * @property {string} images folder of class folders
 * @property {string} out folder of the checkpoints
 * @property {number} steps
 * @property {number} every steps from one checkpoint to the next
 * @property {number} evaluateEvery steps from one evaluation to the next
 * @property {number} sampleEvery steps from one look at the process to the next
 * @property {import("@sitjs/engine").EngineName} engine
 */

/**
 * @typedef {object} Sample What the process holds after a step.
 * @property {number} step steps done
 * @property {boolean} saved whether a checkpoint was just saved, after which freed memory is given back
 * @property {number} residentMB after a garbage collection
 * @property {number} peakMB most that has ever been resident
 * @property {number} heapMB V8's, in use
 * @property {number} externalMB array buffers and such
 * @property {number} handles open files
 * @property {number} threads
 * @property {number} tensors and their bytes
 * @property {number} tensorBytes
 * @property {number} milliseconds since the start
 */

/** @type {import("./tiny.mjs").Network} */
const network = "soaked";
/** Views of images from one garbage collection of a worker thread to the next. */
const COLLECT_EVERY = 400;
/** Milliseconds after a garbage collection. */
const PAUSE = 60;

/** @param {SoakRun} options */
async function main({ images, out, steps, every, evaluateEvery, sampleEvery, engine }) {
  await useEngine({ prefer: engine });
  const method = tinyMethod({ network });
  const added = [transformOf("collecting-transform", { every: COLLECT_EVERY })];
  const loader = await tinyLoader({ images, workers: 2, seed: 0, network, added });
  const evaluation = await evaluator(images, method);
  const begin = performance.now();
  const other = [];
  let first;
  let evaluations = 0;
  let accuracy = 0;
  const folder = checkpointFolder(out);
  const run = pretrain(method, loader, {
    steps,
    // As the app does.
    checkpoints: {
      ...folder,
      async save(state, progress) {
        await folder.save(state, progress);
        releaseMemory();
      },
    },
    checkpointEvery: { steps: every },
  });
  for await (const { step, state } of run) {
    const done = step + 1;
    const { numTensors: tensors, numBytes: tensorBytes } = tf.memory();
    first ??= { tensors, tensorBytes };
    if (tensors !== first.tensors || tensorBytes !== first.tensorBytes)
      other.push({ done, tensors, tensorBytes });
    if (done % sampleEvery === 0) {
      const milliseconds = Math.round(performance.now() - begin);
      const saved = done % every === 0;
      say({ sample: { step: done, saved, ...(await held()), tensors, tensorBytes, milliseconds } });
    }
    if (done % evaluateEvery === 0) {
      evaluations++;
      accuracy = await evaluation(state.student);
    }
  }
  const seconds = (performance.now() - begin) / 1000;
  say({
    ended: { seconds, ...first, otherSteps: other.slice(0, 10), other: other.length, evaluations, accuracy },
  });
}

/** k-NN accuracy of the backbone's features on a half of the images, by votes of the other half. */
async function evaluator(images, { backbone, backbonePrefix }) {
  const dataset = await imageFolder(images, { classes: "folders", channels: 1 });
  const views = evalView({ size: networks[network].size, ...statistics });
  const [voters, asked] = split(dataset, { share: 0.5 }).map((half) =>
    batches(half, { views, batchSize: 16, shuffle: false, workers: 1 }),
  );
  return async (student) => {
    const params = withoutPrefix(backbonePrefix, student);
    const { top1 } = await knn(await embed(backbone, params, voters), await embed(backbone, params, asked), {
      k: 5,
    });
    return top1;
  };
}

/** @returns {Promise<Omit<Sample, "step" | "saved" | "tensors" | "tensorBytes" | "milliseconds">>} */
async function held() {
  await collectGarbage();
  const { rss, heapUsed, external } = memoryUsage();
  const status = readFileSync("/proc/self/status", "utf8");
  const number = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
  const megabytes = (bytes) => Number((bytes / 2 ** 20).toFixed(2));
  return {
    residentMB: megabytes(rss),
    peakMB: megabytes(1024 * number("VmHWM")),
    heapMB: megabytes(heapUsed),
    externalMB: megabytes(external),
    // Without the one that reads the folder.
    handles: readdirSync("/proc/self/fd").length - 1,
    threads: number("Threads"),
  };
}

/** Twice, with time for V8's own threads to give the pages back. */
async function collectGarbage() {
  for (let i = 0; i < 2; i++) {
    globalThis.gc?.();
    await setTimeout(PAUSE);
  }
}

function say(message) {
  console.log(JSON.stringify(message));
}

try {
  await main(JSON.parse(process.argv[2] ?? "{}"));
} catch (error) {
  console.error(SitError.isInstance(error) ? `${error.code}: ${error.message}` : error);
  process.exitCode = 1;
}
