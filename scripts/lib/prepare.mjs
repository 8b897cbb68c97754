// From a fresh clone to something that runs: install, build, native engine. Each is quick the second time.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, runNode, runNpm, startStep, toolScript } from "./steps.mjs";

/** The command line of the app, built. */
export const cli = join(root, "apps", "sit", "dist", "cli.js");

/** Installs what package-lock.json lists, unless exactly that was installed here before. */
export async function install() {
  const title = "Installing the packages (npm ci; needs the npm registry, a few minutes the first time)";
  await installFolder(root, title, [], (step, code) =>
    stop(step, code, "npm ci failed: see above. Without network, run it again where the registry answers."),
  );
}

/**
 * Installs the libraries that tests hold our ONNX files against, which nothing else needs. Where that fails, those
 * tests are skipped and this says so; in CI it ends here.
 * @returns whether they are there
 */
export async function installInterop() {
  const title =
    "Installing onnxruntime and transformers.js for tests (npm ci in interop/; 470 MB on disk, the first time)";
  return await installFolder(join(root, "interop"), title, ["--ignore-scripts"], (step, code) => {
    if (process.env.CI) stop(step, code, "npm ci failed: see above");
    step.done("npm ci failed, see above: going on without the tests that need them");
  });
}

/** Runs npm ci in a folder unless exactly its lock file was installed there before. Returns whether it is installed. */
async function installFolder(folder, title, options, failed) {
  const stamp = join(folder, "node_modules", ".sitjs-install");
  const wanted = installKey(folder);
  if (existsSync(stamp) && readFileSync(stamp, "utf8").trim() === wanted) return true;
  const step = startStep(title);
  const { code } = await runNpm(["ci", "--no-audit", "--no-fund", ...options], { cwd: folder });
  if (code !== 0) {
    failed(step, code);
    return false;
  }
  writeFileSync(stamp, `${wanted}\n`);
  step.done("installed");
  return true;
}

/** What decides what lies in a folder's node_modules: its lock file, and the platform the binaries are for. */
export function installKey(folder = root) {
  const lock = readFileSync(join(folder, "package-lock.json"));
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
