// Which settings change a run's bits, and which do not: the same seed in a process of its own for each, the parameters
// compared by their digest.
import { join } from "node:path";
import { installedEngine } from "@sitjs/engine";
import { digestSaid, runSmall } from "./lib/expect-run.mjs";
import { writeImages } from "./lib/images.mjs";

export const name = "determinism";

/** Of the tiny network, and of the wider one, each of whose steps takes many times as long. */
const [STEPS, WIDE_STEPS] = [24, 6];

/**
 * @typedef {object} Setting
 * @property {string} name
 * @property {Partial<import("./runs/small-run.mjs").SmallRun>} [options]
 * @property {Record<string, string>} [env]
 * @property {boolean} [saves] checkpoints, at every step
 * @property {boolean} [same] whether it is promised to give the same bits as the first of its group
 */

/**
 * What a group needs, and its settings; the first is what the others are compared with.
 *
 * @type {{ name: string, native: boolean, settings: Setting[] }[]}
 */
const groups = [
  {
    name: "native engine, float32",
    native: true,
    settings: [
      { name: "2 workers, no checkpoints, all cores" },
      { name: "once more, another process", same: true },
      { name: "checkpoints at every step", saves: true, same: true },
      ...[0, 1, 3].map((workers) => ({ name: workersWords(workers), options: { workers }, same: true })),
      { name: "1 thread of TensorFlow", options: { threads: 1 }, same: true },
      { name: "3 threads of TensorFlow", options: { threads: 3 }, same: true },
      {
        name: "other settings of the environment",
        env: { TZ: "Asia/Tokyo", LANG: "de_DE.UTF-8" },
        same: true,
      },
      { name: "instructions: AVX2", env: { SITJS_SIMD: "avx2" } },
      { name: "instructions: any x86-64", env: { SITJS_SIMD: "base" } },
      { name: "instructions of TensorFlow's oneDNN: AVX2", env: { ONEDNN_MAX_CPU_ISA: "AVX2" } },
      { name: "oneDNN off", env: { TF_ENABLE_ONEDNN_OPTS: "0" } },
      { name: "fused kernels off", options: { kernels: false } },
      { name: "precision bfloat16", options: { precision: "bfloat16" } },
      { name: "another seed", options: { seed: 1 } },
    ],
  },
  {
    name: "native engine, bfloat16",
    native: true,
    settings: [
      { name: "2 workers, all cores", options: { precision: "bfloat16" } },
      { name: "once more, another process", options: { precision: "bfloat16" }, same: true },
      { name: "1 thread of TensorFlow", options: { precision: "bfloat16", threads: 1 }, same: true },
      {
        name: "instructions: AVX-512 without bfloat16",
        options: { precision: "bfloat16" },
        env: { SITJS_SIMD: "avx512" },
      },
      { name: "instructions: AVX2", options: { precision: "bfloat16" }, env: { SITJS_SIMD: "avx2" } },
    ],
  },
  ...["float32", "bfloat16", "float32 without fused kernels"].map((words) => threadsOf(words)),
  {
    name: "native engine without fused kernels",
    native: true,
    settings: [
      { name: "2 workers, all cores", options: { kernels: false } },
      { name: "once more, another process", options: { kernels: false }, same: true },
      { name: "1 thread of TensorFlow", options: { kernels: false, threads: 1 } },
    ],
  },
  {
    name: "WebAssembly",
    native: false,
    settings: [
      { name: "2 workers", options: { engine: "wasm" } },
      { name: "once more, another process", options: { engine: "wasm" }, same: true },
      ...[0, 3].map((workers) => ({
        name: workersWords(workers),
        options: { engine: /** @type {const} */ ("wasm"), workers },
        same: true,
      })),
      { name: "checkpoints at every step", options: { engine: "wasm" }, saves: true, same: true },
    ],
  },
];

/**
 * A wider network, whose operations are shared among threads.
 *
 * @returns {{ name: string, native: boolean, settings: Setting[] }}
 */
function threadsOf(words) {
  /** @type {import("@sitjs/core").Precision} */
  const precision = words.startsWith("bfloat16") ? "bfloat16" : "float32";
  const kernels = !words.includes("without");
  const options = { network: /** @type {const} */ ("wide"), precision, kernels, steps: WIDE_STEPS };
  return {
    name: `native engine, ${words}, a wider network`,
    native: true,
    settings: [
      { name: "2 threads of TensorFlow", options: { ...options, threads: 2 } },
      { name: "once more, another process", options: { ...options, threads: 2 }, same: true },
      // Without the fused kernels this is TensorFlow's own business.
      { name: "1 thread of TensorFlow", options: { ...options, threads: 1 }, same: kernels },
      { name: "3 threads of TensorFlow", options: { ...options, threads: 3 }, same: kernels },
    ],
  };
}

function workersWords(count) {
  return count === 1 ? "1 worker" : `${count} workers`;
}

/**
 * @param {{ scratch: string, log: (line: string) => void, short?: boolean }} options `short`: the first settings
 *   of the first group and of the last, WebAssembly's
 */
export async function run({ scratch, log, short = false }) {
  const images = join(scratch, "images");
  await writeImages(images, 64);
  const native = (await installedEngine()) !== undefined;
  const steps = short ? 4 : STEPS;
  const failures = [];
  const found = [];
  for (const group of short ? [groups[0], groups.at(-1)] : groups) {
    if (group.native && !native) {
      log(`${group.name}: skipped, there is no native engine`);
      continue;
    }
    log(group.name);
    const rows = [];
    for (const setting of short ? group.settings.slice(0, 3) : group.settings) {
      const out = join(scratch, `out-${found.length}-${rows.length}`);
      const digest = await digestWith(setting, { images, steps, out });
      const equal = digest === (rows[0]?.digest ?? digest);
      rows.push({ name: setting.name, digest, equal, promised: setting.same === true });
      log(`  ${equal ? "same " : "other"} ${digest.slice(0, 12)} ${setting.name}`);
      if (setting.same && !equal) failures.push(`${group.name}, ${setting.name}: expected the same digest`);
    }
    found.push({ name: group.name, rows });
  }
  const count = found.reduce((sum, { rows }) => sum + rows.filter(({ equal }) => equal).length, 0);
  const lines = [`${count} runs in ${found.length} groups agree with the first of their group`];
  return { results: { steps, groups: found }, failures, lines };
}

async function digestWith({ options = {}, env = {}, saves = false }, { images, steps, out }) {
  const end = await runSmall({ steps, ...options, images, ...(saves && { out }) }, { env });
  return digestSaid(end);
}
