// One run of the tiny network, as a program: goes on from the latest readable checkpoint in its folder, if there is one.
// Prints `{"step"}` after every step and its checkpoint, and at the end `{"digest"}`; an error is one message on the
// standard error stream and exit code 1.
//   node reliability/runs/small-run.mjs '{"images": "FOLDER", "out": "FOLDER", "steps": 60}'
import { SitError } from "@sitjs/core";
import { useEngine } from "@sitjs/engine";
import { pretrain } from "@sitjs/train";
import { checkpointFolder, listCheckpoints, loadCheckpoint } from "@sitjs/train/node";
import { digestOf } from "../lib/digest.mjs";
import { tinyLoader, tinyMethod, transformOf } from "./tiny.mjs";
import { beginTrouble, lossUntil } from "./trouble.mjs";

/**
 * @typedef {object} SmallRun
 * @property {string} images folder
 * @property {string} [out] folder of the checkpoints; none are saved without one
 * @property {number} [steps]
 * @property {number} [workers]
 * @property {number} [seed]
 * @property {number} [every] steps from one checkpoint to the next
 * @property {import("./tiny.mjs").Network} [network]
 * @property {import("@sitjs/engine").EngineName} [engine]
 * @property {boolean} [kernels]
 * @property {number} [threads] of TensorFlow
 * @property {import("@sitjs/core").Precision} [precision]
 * @property {{ kind: import("./trouble.mjs").Trouble, step: number }} [trouble] something goes wrong from this step on
 * @property {{ kind: "end" | "memory" | "throw", once: string }} [breaking] what a transform of the user's own does to its
 *   thread, once: when it has made the file `once`
 */

const say = (message) => console.log(JSON.stringify(message));

/** @param {SmallRun} options */
async function main(options) {
  const { images, out, steps = 60, workers = 2, seed = 0, every = 1, precision = "float32" } = options;
  const { network = "tiny", engine = "tfjs-node", kernels = true, threads, trouble, breaking } = options;
  const used = await useEngine({ prefer: engine, kernels, threads });
  const loss = trouble?.kind === "not finite" ? lossUntil(trouble.step) : undefined;
  const method = tinyMethod({ network, loss });
  const added = breaking ? [transformOf("breaking-transform", breaking)] : [];
  const loader = await tinyLoader({ images, workers, seed, network, added });
  const resume = await latest(out);
  say({
    started: resume?.state.step ?? 0,
    engine: used.name,
    threads: used.cores,
    kernels: used.kernels.length,
  });
  const checkpoints = out === undefined ? undefined : checkpointFolder(out);
  const run = pretrain(method, loader, {
    steps,
    seed,
    precision,
    checkpoints,
    checkpointEvery: { steps: every },
    resume,
  });
  for await (const { step, state } of run) {
    if (step + 1 < steps) say({ step });
    else say({ step, digest: digestOf(state) });
    if (step + 1 === trouble?.step) beginTrouble(trouble.kind);
  }
}

/** The checkpoint to go on from; what is damaged is told and passed over. */
async function latest(out) {
  if (out === undefined || (await listCheckpoints(out)).length === 0) return undefined;
  return await loadCheckpoint(out, { onDamaged: ({ message }) => console.error(`warning: ${message}`) });
}

try {
  await main(JSON.parse(process.argv[2] ?? "{}"));
} catch (error) {
  console.error(SitError.isInstance(error) ? `${error.code}: ${error.message}` : error);
  process.exitCode = 1;
}
