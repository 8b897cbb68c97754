// Processes of a run: started, watched, ended; none stays behind.
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** In the environment of a child and, by inheritance, of all that it starts. */
const MARK = "SITJS_RELIABILITY_CHILD";

/** Those that run: whoever ends this process ends them. */
const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/**
 * @typedef {object} Ended
 * @property {number | null} code
 * @property {NodeJS.Signals | null} signal
 * @property {string} stdout
 * @property {string} stderr
 * @property {boolean} timedOut whether the watchdog ended it
 * @property {number} seconds
 * @property {number[]} orphans processes that it started and that were still there a moment after its end
 */

/**
 * Starts Node with a script and a watchdog: after `timeout` seconds the process is killed and `timedOut` says so.
 *
 * @param {string} script
 * @param {string[]} args
 * @param {{ timeout: number, env?: Record<string, string | undefined>, nodeArgs?: string[], prefix?: string[], cwd?: string,
 *   onLine?: (line: string) => void }} options `prefix`: a command that starts it, such as `nice`; `onLine` is told what it
 *   prints, line by line
 */
export function startChild(script, args, { timeout, env = {}, nodeArgs = [], prefix = [], cwd, onLine }) {
  const mark = randomUUID();
  const [command, ...rest] = [...prefix, process.execPath, ...nodeArgs, script, ...args];
  const begin = performance.now();
  const child = spawn(command, rest, {
    cwd,
    env: { ...process.env, ...env, [MARK]: mark },
    stdio: ["ignore", "pipe", "pipe"],
  });
  running.add(child);
  const said = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text) => {
    said.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    said.stderr += text;
  });
  if (onLine) createInterface({ input: child.stdout }).on("line", onLine);
  let timedOut = false;
  const watchdog = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
  }, timeout * 1000);
  const ended = new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", async (code, signal) => {
      clearTimeout(watchdog);
      running.delete(child);
      const seconds = (performance.now() - begin) / 1000;
      resolve({ code, signal, ...said, timedOut, seconds, orphans: await orphansOf(mark) });
    });
  });
  return {
    pid: child.pid,
    /** @param {NodeJS.Signals} signal */
    kill: (signal) => child.kill(signal),
    /** Reads its standard output no more: what it prints meets a closed pipe. */
    closeOutput: () => child.stdout.destroy(),
    running: () => child.exitCode === null && child.signalCode === null,
    /** Resolves when it is gone and its output is read. @type {Promise<Ended>} */
    ended,
  };
}

/** Runs it to its end. */
export const runChild = (script, args, options) => startChild(script, args, options).ended;

/** Processes with the mark, after a moment for those that are about to end; they are ended then. */
async function orphansOf(mark) {
  const end = performance.now() + 1000;
  let found = marked(mark);
  while (found.length > 0 && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    found = marked(mark);
  }
  for (const pid of found) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended by itself after all.
    }
  }
  return found;
}

/** Where there is no /proc, nothing can be told, and the list is empty; `canSeeOrphans` says which. */
function marked(mark) {
  return listed("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => contentOf(`/proc/${name}/environ`).includes(`${MARK}=${mark}`))
    .map(Number);
}

/** Whether this system tells the environment of processes. */
export const canSeeOrphans = contentOf("/proc/self/environ") !== "";

function listed(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function contentOf(file) {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return ""; // ended meanwhile, another user's, or no such file here
  }
}
