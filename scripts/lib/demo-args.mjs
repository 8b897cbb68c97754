import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { root } from "./steps.mjs";

/**
 * The arguments of `sit demo`, with `--resume` where an earlier demo was stopped in the folder and nothing is said of it.
 *
 * @param {readonly string[]} args
 * @param {string} [folder] where the command is run
 */
export function demoArgs(args, folder = root) {
  const decided = ["--resume", "--overwrite", "--help", "-h", "--config"];
  if (args.some((arg) => decided.includes(arg.replace(/=.*/s, "")))) return [...args];
  const out = args.findLast((arg, i) => args[i - 1] === "--out" || arg.startsWith("--out=")) ?? "runs/demo";
  const unfinished = `${resolve(folder, out.replace(/^--out=/, ""))}.unfinished`;
  return existsSync(join(unfinished, "parts.partial", "demo.json")) ? [...args, "--resume"] : [...args];
}
