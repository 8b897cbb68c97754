// The command `sit` in a project that has it installed.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { runNpm } from "../steps.mjs";

/** A run of seconds on an engine that is everywhere. */
const pretrain =
  "--preset demo-portable --engine wasm --workers 0 --steps 2 --batch-size 16 --depth 1 --out runs/short".split(
    " ",
  );

/**
 * Asks for help and pretrains on a few images, as `npx sit` does.
 * @param {string} project
 * @param {{ node?: string, photos: string }} options `node`: the binary; `photos`: a folder of images
 * @returns {Promise<string[]>} what is wrong
 */
export async function checkCommandLine(project, { node = process.execPath, photos }) {
  const sit = async (...args) => {
    const options = { quiet: true, cwd: project, node };
    return await runNpm(["exec", "--offline", "--", "sit", ...args], options);
  };
  const problems = [];
  const help = await sit("--help");
  if (help.code !== 0 || !/^Usage: sit /m.test(help.output)) {
    problems.push(`sit --help: ended with ${help.code}\n${help.output.trim()}`);
  }
  const run = await sit("pretrain", "--data", photos, ...pretrain);
  if (run.code !== 0) problems.push(`sit pretrain: ended with ${run.code}\n${run.output.trim()}`);
  else if (!existsSync(join(project, "runs", "short", "summary.json"))) {
    problems.push(`sit pretrain: wrote no summary\n${run.output.trim()}`);
  }
  return problems;
}
