// From a fresh clone to something that runs: install, build, native engine. Each is quick the second time.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, runNode, runNpm, startStep, toolScript } from "./steps.mjs";

/** The command line of the app, built. */
export const cli = join(root, "apps", "sit", "dist", "cli.js");

/** Installs what package-lock.json lists, unless exactly that was installed here before. */
export async function install() {
  const stamp = join(root, "node_modules", ".sitjs-install");
  const wanted = installKey();
  if (existsSync(stamp) && readFileSync(stamp, "utf8").trim() === wanted) return;
  const step = startStep(
    "Installing the packages (npm ci; needs the npm registry, a few minutes the first time)",
  );
  const { code } = await runNpm(["ci", "--no-audit", "--no-fund"]);
  if (code !== 0)
    stop(step, code, "npm ci failed: see above. Without network, run it again where the registry answers.");
  writeFileSync(stamp, `${wanted}\n`);
  step.done("installed");
}

/** What decides what lies in node_modules: the lock file, and the platform its binaries are for. */
export function installKey() {
  const lock = readFileSync(join(root, "package-lock.json"));
  return createHash("sha256").update(lock).update(`${process.platform} ${process.arch}`).digest("hex");
}

/** Builds every package and the app; turbo skips what has not changed. */
export async function build() {
  const step = startStep("Building the packages and the app (turbo run build)");
  const { code } = await runNode(toolScript("turbo"), ["run", "build", "--output-logs=new-only"]);
  if (code !== 0) stop(step, code, "the build failed: see above");
  step.done("built");
}

/**
 * Gets the native engine into the user's cache. Returns whether there is one: where it cannot be had,
 * everything still runs on the portable engine, which is slower, and this says so.
 */
export async function installEngine() {
  const step = startStep(
    "Getting the native engine (sit engine install; kept in the cache folder for next time)",
  );
  const { code } = await runNode(cli, ["engine", "install"]);
  // 130 and 143: the user stopped it; that is no reason to go on without.
  if (code === 130 || code === 143) stop(step, code, "stopped");
  if (code === 0) {
    step.done("ready");
    return true;
  }
  step.done("no native engine here, the reason is above: going on with the portable engine, which is slower");
  return false;
}

function stop(step, code, line) {
  step.done(line);
  process.exit(code);
}
