// Running the steps of `npm test`, `npm run demo` and `.ci/run`: what is done, how long it took, how it ended.
// Nothing outside Node itself is imported here: this code runs before anything is installed.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root folder. */
export const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** Why this Node will not do for the packages and their tools, in one line; undefined where it will. */
export function nodeTooOld(version = process.versions.node) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return undefined;
  return `Node ${version} is too old: Node 20.19 or later is needed (https://nodejs.org).`;
}

/** Stops with that line where there is one. */
export function checkNode() {
  const reason = nodeTooOld();
  if (reason === undefined) return;
  console.error(reason);
  process.exit(1);
}

/** "0.4 s", "12 s" or "3 min 05 s". */
export function duration(milliseconds) {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
}

/** Says what is about to happen; `done` says how it ended and after how long. */
export function startStep(title) {
  console.log(`\n▸ ${title}`);
  const start = performance.now();
  return { done: (result) => console.log(`  ${result} (${duration(performance.now() - start)})`) };
}

/**
 * How a process is run. `quiet` keeps the output back and returns it, `copied` shows it and returns it too; otherwise it
 * streams through, colours and progress bars included. `cwd` is the repository's root, `node` the Node that runs us,
 * where nothing else is said; after `timeout` milliseconds it is ended by SIGTERM.
 * @typedef {{ quiet?: boolean, copied?: boolean, cwd?: string, env?: Record<string, string>, node?: string, timeout?: number }} RunOptions
 */

/**
 * Runs a Node script and resolves with its exit code (128 + signal number where a signal ended it).
 * @param {string} script
 * @param {string[]} [args]
 * @param {RunOptions} [options]
 */
export function runNode(script, args = [], { node = process.execPath, ...options } = {}) {
  return run(node, [script, ...args], options);
}

/**
 * The same for npm itself: the copy that started us, else the one on the path. What it starts runs on `node` too.
 * @param {string[]} args
 * @param {RunOptions} [options]
 */
export function runNpm(args, { node = process.execPath, env = {}, ...options } = {}) {
  const path = [dirname(node), process.env.PATH].join(delimiter);
  const script = npmScript();
  if (script !== undefined) return runNode(script, args, { ...options, node, env: { PATH: path, ...env } });
  // On Windows npm is a .cmd file, which only a shell can start.
  return run("npm", args, { ...options, env, shell: process.platform === "win32" });
}

/** npm's own script, so that any Node can run it; undefined where npm is something else, as on Windows. */
function npmScript() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const onPath = folders.map((folder) => join(folder, "npm")).find((file) => existsSync(file));
  return [process.env.npm_execpath, onPath && realpathSync(onPath)].find(
    (file) => file && /npm-cli\.c?js$/.test(file),
  );
}

/** The same for git, whose output is returned. */
export function runGit(args) {
  return run("git", args, { quiet: true });
}

/** The file that an installed package's command runs: `toolScript("vitest")`, `toolScript("typescript", "tsc")`. */
export function toolScript(name, command = name) {
  const folder = join(root, "node_modules", name);
  const { bin } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return join(folder, typeof bin === "string" ? bin : bin[command]);
}

function run(
  file,
  args,
  { quiet = false, copied = false, shell = false, env = {}, cwd = root, timeout = 0 } = {},
) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd,
      timeout,
      shell,
      env: { ...process.env, TURBO_TELEMETRY_DISABLED: "1", ...env },
      stdio: quiet || copied ? ["ignore", "pipe", "pipe"] : "inherit",
    });
    let output = "";
    const collect = (pipe, shown) =>
      pipe?.setEncoding("utf8").on("data", (text) => {
        output += text;
        if (copied) shown.write(text);
      });
    collect(child.stdout, process.stdout);
    collect(child.stderr, process.stderr);
    // Ctrl+C reaches the child by the terminal; we stay until it has cleaned up, then pass its end on.
    const ignore = () => {};
    const forward = () => child.kill("SIGTERM");
    process.on("SIGINT", ignore);
    process.on("SIGTERM", forward);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      process.off("SIGINT", ignore);
      process.off("SIGTERM", forward);
      resolve({ code: code ?? (signal === "SIGINT" ? 130 : 143), output });
    });
  });
}
