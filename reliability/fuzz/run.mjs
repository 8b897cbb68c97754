import { fork } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { root } from "../../scripts/lib/steps.mjs";

/** @typedef {import("./child.js").Answer} Answer */
/** @typedef {import("./child.js").Finding} Finding */
/** @typedef {import("./child.js").Task} Task */

/**
 * @typedef {object} TargetResult
 * @property {string} target
 * @property {number} inputs
 * @property {number} accepted
 * @property {number} rejected
 * @property {boolean} [takesAll] whether the parser takes what it can of any input, and refuses none
 * @property {number} seconds
 * @property {number} slowestMilliseconds of one input
 * @property {number} allocated the most that one input's parse allocated, as a share of what it may for its size
 * @property {Record<string, number>} reasons how often each reason was given, the most frequent first
 */

/** Seconds that a child may take to start: on a busy machine longer than any input. */
const startSeconds = 60;
/** Inputs that a child is asked for at once. */
const portion = 4096;
/** A reason beside so many others is not listed by itself. */
const maximumReasons = 40;
/** A target with so many findings is not gone on with. */
const enoughFindings = 50;

/**
 * @typedef {object} FuzzOptions
 * @property {string} module file that exports `targets`
 * @property {number} inputs in all, shared out by the targets' shares
 * @property {number} seed
 * @property {readonly string[]} [only] names of targets; default all
 * @property {number} [milliseconds] what one input may take
 * @property {number} [hangSeconds] after so long with one input, the child is killed
 * @property {(line: string) => void} [log]
 */

/**
 * Parses malformed files in a process of its own, from the sources, and watches it.
 *
 * @param {FuzzOptions} options
 * @returns {Promise<{ targets: TargetResult[], findings: Finding[] }>}
 */
export async function fuzz({
  module,
  inputs,
  seed,
  only,
  milliseconds = 1000,
  hangSeconds = 15,
  log = () => undefined,
}) {
  // Inside the repository, because the bundle leaves sharp to Node's own resolution.
  const parent = join(root, "node_modules", ".cache");
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, "fuzz-"));
  const scratch = mkdtempSync(join(scratchParent(), "fuzz-"));
  /** @type {Child | undefined} */
  let child;
  const stop = () => {
    child?.kill();
    for (const each of [folder, scratch]) rmSync(each, { recursive: true, force: true });
  };
  process.once("exit", stop);
  try {
    const list = chosen(await bundle(module, folder), only);
    child = new Child(folder, scratch, hangSeconds);
    const results = [];
    const findings = [];
    for (const [i, target] of list.entries()) {
      const share = shareOf(list, i, inputs);
      const result = await fuzzTarget(child, { target: target.name, seed, milliseconds, inputs: share });
      results.push({ ...result.result, takesAll: target.takesAll });
      findings.push(...result.findings);
      log(line(result.result, result.findings.length));
    }
    return { targets: results, findings };
  } finally {
    process.off("exit", stop);
    stop();
  }
}

/** Where files are written that are parsed at once: to memory where that is a folder. */
export function scratchParent() {
  const memory = "/dev/shm";
  return statSync(memory, { throwIfNoEntry: false })?.isDirectory() ? memory : tmpdir();
}

/** Whole numbers that add up to `inputs`. @param {readonly Listed[]} list */
function shareOf(list, index, inputs) {
  const all = list.reduce((sum, { share }) => sum + share, 0);
  const upTo = (end) =>
    Math.round((inputs * list.slice(0, end).reduce((sum, { share }) => sum + share, 0)) / all);
  return upTo(index + 1) - upTo(index);
}

/**
 * @typedef {{ name: string, share: number, takesAll: boolean }} Listed a target's name, how many of the inputs it has, and
 * whether it refuses none
 */

/**
 * How sources become a program of their own, run without a build.
 *
 * @type {import("esbuild").BuildOptions}
 */
export const bundleOptions = {
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  sourcemap: "inline",
  conditions: ["@sitjs/source"],
  external: ["sharp", "@tensorflow/*"],
  // What is CommonJS inside asks for Node's modules by require.
  banner: {
    js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
  },
  logLevel: "error",
};

/** Bundles the child from the sources, so that no build can be old. @returns {Promise<Listed[]>} the targets */
async function bundle(module, folder) {
  const child = join(folder, "child.mjs");
  const imports = `import { targets } from ${JSON.stringify(module)};`;
  const serve = `import { serve } from ${JSON.stringify(join(root, "reliability", "fuzz", "child.ts"))};`;
  const stdin = (contents) => ({ contents, resolveDir: root, sourcefile: "fuzz-child.mjs" });
  await build({ ...bundleOptions, stdin: stdin(`${imports} ${serve} serve(targets);`), outfile: child });
  const list = join(folder, "list.mjs");
  await build({
    ...bundleOptions,
    stdin: stdin(
      `${imports} export const list = targets.map(({ name, share = 1, takesAll = false }) => ({ name, share, takesAll }));`,
    ),
    outfile: list,
  });
  return (await import(list)).list;
}

function chosen(list, only) {
  const names = list.map(({ name }) => name);
  const strange = only?.find((name) => !names.includes(name));
  if (strange !== undefined) {
    throw new Error(`targets: expected names among ${names.join("; ")}, got ${JSON.stringify(strange)}`);
  }
  return only ? list.filter(({ name }) => only.includes(name)) : list;
}

async function fuzzTarget(child, { target, seed, milliseconds, inputs }) {
  const began = performance.now();
  const findings = [];
  const total = { accepted: 0, rejected: 0, slowest: 0, mostAllocated: 0, reasons: new Map() };
  let done = 0;
  while (done < inputs && findings.length < enoughFindings) {
    const end = Math.min(inputs, done + portion);
    const answer = await child.ask({ target, seed, milliseconds, start: done, end, only: undefined });
    if ("died" in answer) {
      // Everything depends on seed and index alone: what came before it in this portion is done again without it.
      const { died, message } = answer;
      const before =
        died > done
          ? await child.ask({ target, seed, milliseconds, start: done, end: died, only: undefined })
          : undefined;
      if (before && !("died" in before)) add(total, findings, before);
      const input =
        died < done ? "" : await inputOf(child, { target, seed, milliseconds, start: died, end: died + 1 });
      findings.push({ target, index: died, kind: answer.kind, message, input });
      if (died < done) break; // before the first input: a valid file, or the child itself
      done = died + 1;
    } else {
      add(total, findings, answer);
      done = end;
    }
  }
  const { accepted, rejected, slowest, mostAllocated, reasons } = total;
  /** @type {TargetResult} */
  const result = {
    target,
    inputs: done,
    accepted,
    rejected,
    seconds: round((performance.now() - began) / 1000),
    slowestMilliseconds: round(slowest),
    allocated: round(mostAllocated),
    reasons: mostFrequent(reasons),
  };
  return { result, findings };
}

async function inputOf(child, range) {
  const answer = await child.ask({ ...range, only: "bytes" });
  return "died" in answer ? "" : answer.inputs[0];
}

/** @param {Answer} answer */
function add(total, findings, answer) {
  total.accepted += answer.accepted;
  total.rejected += answer.rejected;
  total.slowest = Math.max(total.slowest, answer.slowest);
  total.mostAllocated = Math.max(total.mostAllocated, answer.mostAllocated);
  for (const [reason, count] of Object.entries(answer.reasons)) {
    total.reasons.set(reason, (total.reasons.get(reason) ?? 0) + count);
  }
  findings.push(...answer.findings);
}

function mostFrequent(reasons) {
  const sorted = [...reasons].sort(([, a], [, b]) => b - a);
  const rest = sorted.splice(maximumReasons).reduce((sum, [, count]) => sum + count, 0);
  return Object.fromEntries(rest > 0 ? [...sorted, ["others", rest]] : sorted);
}

const round = (value) => Number(value.toPrecision(3));

function line({ target, inputs, accepted, rejected, seconds, slowestMilliseconds, allocated }, found) {
  const rate = Math.round(inputs / Math.max(seconds, 1e-3));
  return (
    `${target.padEnd(20)} ${String(inputs).padStart(8)} inputs, ${accepted} accepted, ${rejected} refused, ` +
    `${rate}/s, slowest ${slowestMilliseconds} ms, at most ${Math.round(100 * allocated)} % of the memory allowed` +
    `${found > 0 ? `, ${found} FINDINGS` : ""}`
  );
}

/** The process that parses, started again where it had to be killed or died. */
class Child {
  #folder;
  #scratch;
  #hangSeconds;
  #progress;
  /** @type {import("node:child_process").ChildProcess | undefined} */
  #process;

  constructor(folder, scratch, hangSeconds) {
    this.#folder = folder;
    this.#scratch = scratch;
    this.#hangSeconds = hangSeconds;
    this.#progress = join(folder, "progress");
  }

  /**
   * @param {Task} task
   * @returns {Promise<Answer | { died: number, kind: "hang" | "crash", message: string }>}
   */
  async ask(task) {
    writeFileSync(this.#progress, Buffer.from(Float64Array.of(task.start - 1).buffer));
    const process = this.#process ?? (await this.#start());
    writeFileSync(this.#progress, Buffer.from(Float64Array.of(task.start - 1).buffer), { flag: "r+" });
    const result = this.#watch(process, this.#hangSeconds);
    process.send(task);
    const answer = await result;
    if (typeof answer === "object" && "kind" in answer) {
      this.kill();
      const died = this.#index();
      return { ...answer, died };
    }
    return answer;
  }

  kill() {
    this.#process?.kill("SIGKILL");
    this.#process = undefined;
  }

  async #start() {
    this.#process = fork(join(this.#folder, "child.mjs"), [this.#progress, this.#scratch], {
      cwd: root,
      execArgv: [
        "--expose-gc",
        "--enable-source-maps",
        // Room for the garbage of many inputs, and little beyond it: growth is measured between collections.
        "--min-semi-space-size=32",
        "--max-semi-space-size=32",
        "--max-old-space-size=256",
      ],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    const ready = await this.#watch(this.#process, startSeconds);
    if (ready !== "ready") throw new Error(`the fuzzer's process does not start: ${ready.message}`);
    return this.#process;
  }

  /** The next message of the process, or how it ended without one; a hang where so many seconds bring nothing new. */
  #watch(process, seconds) {
    return new Promise((resolve) => {
      let [last, since] = [this.#index(), performance.now()];
      let said = "";
      const timer = setInterval(() => {
        const index = this.#index();
        if (index !== last) [last, since] = [index, performance.now()];
        else if (performance.now() - since > seconds * 1000) {
          end({ kind: "hang", message: `no end after ${seconds} s` });
        }
      }, 200);
      const hear = (text) => {
        said = (said + text).slice(-2000);
      };
      const message = (/** @type {any} */ value) => end(value);
      const exit = (code, signal) =>
        end({ kind: "crash", message: `ended with ${signal ?? `code ${code}`}: ${said.trim()}` });
      const end = (value) => {
        clearInterval(timer);
        process.off("message", message).off("exit", exit);
        process.stderr.off("data", hear);
        resolve(value);
      };
      process.on("message", message).on("exit", exit);
      process.stderr.on("data", hear);
    });
  }

  #index() {
    const file = openSync(this.#progress, "r");
    const index = new Float64Array(1);
    try {
      readSync(file, index, 0, 8, 0);
    } finally {
      closeSync(file);
    }
    return index[0];
  }
}
