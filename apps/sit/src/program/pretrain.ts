import type { Command } from "commander";
import { scopes, valueOption, withData, withRunOptions, withSettings } from "../command-line/options.js";
import { runs } from "../command-line/run-command.js";
import { positive, usualPreset } from "./shared.js";

export function addPretrain(sit: Command): void {
  const pretrain = sit.command("pretrain").description("pretrain on images without labels");
  withRunOptions(withData(pretrain), { preset: usualPreset, out: "runs/pretrain" })
    .addOption(valueOption("--steps <number>", positive, "end after so many steps (default: all epochs)"))
    .option("--dry-run", "tell the plan, and time and memory by a few real steps; write nothing", false)
    .option("--resume", "go on with the run in --out, by its own settings", false)
    .option("--overwrite", "replace an earlier run in --out", false);
  withSettings(pretrain, scopes.pretrain);
  runs(pretrain, async () => (await import("../commands/pretrain.js")).run);
}
