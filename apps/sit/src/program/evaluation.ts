import type { Command } from "commander";
import { networkNames } from "../command-line/network-names.js";
import { scopes, valueOption, withData, withRunOptions, withSettings } from "../command-line/options.js";
import { runs } from "../command-line/run-command.js";
import { positive, usualPreset, withCheckpoint } from "./shared.js";

export function addEvaluation(sit: Command): void {
  const finetune = sit.command("finetune").description("train a classifier on labelled images");
  finetune
    .option("--checkpoint <path>", `what to start from: ${networkNames} (default: none)`)
    .option("--from-scratch", "start from random parameters instead", false);
  withRunOptions(withData(finetune), {
    preset: `the checkpoint's settings; from scratch ${usualPreset}`,
    out: "runs/finetune",
  })
    .addOption(
      valueOption("--labels-per-class <number>", positive, "labelled images of each class (default: all)"),
    )
    .option("--resume", "go on with the run in --out, by its own settings", false)
    .option("--overwrite", "replace an earlier run in --out", false);
  withSettings(finetune, scopes.finetune);
  runs(finetune, async () => (await import("../commands/finetune.js")).run);

  const knn = sit.command("knn").description("classify by a checkpoint's features and their neighbours");
  withRunOptions(withData(withCheckpoint(knn)), {})
    .addOption(
      valueOption("--images <number>", positive, "training images that may be neighbours (default: all)"),
    )
    .option("--out <path>", "where a report goes (default: none is written)");
  withSettings(knn, scopes.knn);
  runs(knn, async () => (await import("../commands/knn.js")).run);
}
