import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** How much of what a side says on its standard error is kept, for when it fails. */
const KEPT_CHARACTERS = 4000;

/** A side of the comparison did not do what it was asked. */
export class SideError extends Error {}

/**
 * Starts one side: a process that stays and answers JSON lines. Between two messages it waits for its input and
 * computes nothing. Messages are `{ do, ... }`; a reply is an object, `{ error }` where it failed.
 *
 * - `hello { threads }`: versions
 * - `start { workload, precision, seed, given?, compiled? }`: `{ peakMB, residentMB }` before the first step
 * - `run { steps }`: `{ times, cpu, values }`, a list each: ms, processor ms of all threads, the loss
 * - `memory {}`: `{ peakMB, residentMB }`
 * - `products { precision, sizes }`: `{ gflops }` of the fastest matrix product
 * - `quit`: none
 *
 * @param {{ name: string, command: string, args: string[], env?: Record<string, string> }} options
 */
export function startSide({ name, command, args, env = {} }) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "pipe"] });
  /** @type {{ resolve: (reply: any) => void, reject: (error: Error) => void }[]} */
  const waiting = [];
  let said = "";
  /** @type {Error | undefined} */
  let ended;

  const end = (why) => {
    const detail = said.trim();
    ended ??= new SideError(`${name}: ${why}${detail ? `\n${detail}` : ""}`);
    for (const { reject } of waiting.splice(0)) reject(ended);
  };
  child.stderr.setEncoding("utf8").on("data", (text) => {
    said = (said + text).slice(-KEPT_CHARACTERS);
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    const asked = waiting.shift();
    try {
      const reply = JSON.parse(line);
      if (reply.error !== undefined) asked?.reject(new SideError(`${name}: ${reply.error}`));
      else asked?.resolve(reply);
    } catch {
      asked?.reject(
        new SideError(`${name}: expected a reply as JSON, got ${JSON.stringify(line.slice(0, 200))}`),
      );
    }
  });
  child.stdin.on("error", () => {}); // a side that ended is told by its exit
  child.on("error", (error) => end(`could not be started: ${error.message}`));
  const closed = new Promise((resolve) => {
    child.on("close", (code, signal) => {
      end(`ended with ${signal ?? `exit code ${code}`}`);
      resolve(undefined);
    });
  });

  return {
    name,
    pid: child.pid,
    /** @returns {Promise<any>} */
    ask(message) {
      if (ended) return Promise.reject(ended);
      return new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        child.stdin.write(`${JSON.stringify(message)}\n`);
      });
    },
    /** Ends the process and waits until it is gone. */
    async stop() {
      child.stdin.end(`${JSON.stringify({ do: "quit" })}\n`);
      const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await closed;
      clearTimeout(timer);
    },
  };
}

/** @typedef {ReturnType<typeof startSide>} Side */
