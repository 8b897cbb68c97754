import { readFileSync } from "node:fs";
import { Command, Option } from "commander";
import {
  listOption,
  namesOption,
  scopes,
  valueOption,
  withData,
  withOutputOptions,
  withRunOptions,
  withSettings,
} from "./command-line/options.js";
import { runs } from "./command-line/run-command.js";
import { comparedNames, usualComparison } from "./settings/compared.js";
import { readyPresets } from "./settings/ready-data.js";

/** The command line. Commands load their modules when they run, so that help and errors are quick. */
export function program(): Command {
  const sit = new Command("sit")
    .description(
      "Self-supervised vision transformers: pretrain on images without labels, fine-tune with few.",
    )
    .version(version(), "--version", "print the version")
    .helpCommand(false)
    .showHelpAfterError(false);
  // Subcommands inherit these, so they come first.
  sit.exitOverride().configureOutput({ outputError: (text, write) => write(`sit: ${oneLine(text)}\n`) });
  addEngineCommands(sit);
  addPretrain(sit);
  addEvaluation(sit);
  addPictures(sit);
  addDemo(sit);
  addCompare(sit);
  return sit;
}

function addEngineCommands(sit: Command): void {
  const doctor = sit.command("doctor").description("tell which engines this machine can have, and how");
  runs(withOutputOptions(doctor), async () => (await import("./commands/doctor.js")).run);
  const engine = sit.command("engine").description("the native engine");
  const install = engine
    .command("install")
    .description("build or download the native engine into the user's cache")
    .addOption(
      new Option("--variant <name>", "processor or NVIDIA graphics card")
        .choices(["cpu", "gpu"])
        .default("cpu"),
    )
    .addOption(
      new Option(
        "--method <name>",
        "build from source where there is a compiler, or take the official prebuilt",
      )
        .choices(["auto", "source", "official"])
        .default("auto"),
    )
    .option("--force", "make it anew even if it is there", false);
  runs(withOutputOptions(install), async () => (await import("./commands/engine-install.js")).run);
}

const usualPreset = `${readyPresets}, paper-small for a folder`;
const positive = { type: "whole", minimum: 1 } as const;

function addPretrain(sit: Command): void {
  const pretrain = sit.command("pretrain").description("pretrain on images without labels");
  withRunOptions(withData(pretrain), { preset: usualPreset, out: "runs/pretrain" })
    .addOption(valueOption("--steps <number>", positive, "end after so many steps (default: all epochs)"))
    .option("--resume", "go on with the run in --out, by its own settings", false)
    .option("--overwrite", "replace an earlier run in --out", false);
  withSettings(pretrain, scopes.pretrain);
  runs(pretrain, async () => (await import("./commands/pretrain.js")).run);
}

function addEvaluation(sit: Command): void {
  const finetune = sit.command("finetune").description("train a classifier on labelled images");
  finetune
    .option("--checkpoint <folder>", "a pretraining run to start from (default: none)")
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
  runs(finetune, async () => (await import("./commands/finetune.js")).run);

  const knn = sit.command("knn").description("classify by a checkpoint's features and their neighbours");
  withRunOptions(withData(withCheckpoint(knn)), {}).addOption(
    valueOption("--images <number>", positive, "training images that may be neighbours (default: all)"),
  );
  withSettings(knn, scopes.knn);
  runs(knn, async () => (await import("./commands/knn.js")).run);
}

function addPictures(sit: Command): void {
  const reconstruct = sit.command("reconstruct").description("picture what a checkpoint reconstructs");
  withRunOptions(withData(withCheckpoint(reconstruct)), { out: "reconstruction.png" })
    .addOption(valueOption("--count <number>", positive, "how many images (default: 8)"))
    .addOption(
      valueOption(
        "--split <name>",
        { type: "choice", choices: ["train", "test"] },
        "which images: train, test (default: train)",
      ),
    );
  withSettings(reconstruct, scopes.reconstruct);
  runs(reconstruct, async () => (await import("./commands/reconstruct.js")).run);

  const report = sit
    .command("report")
    .description("make a run's report.html again from its report.json")
    .argument("<run>", "the run's folder");
  runs(withOutputOptions(report), async () => (await import("./commands/report.js")).run);
}

function addDemo(sit: Command): void {
  const demo = sit
    .command("demo")
    .description("pretrain, fine-tune with few labels, compare with training from scratch, report");
  withRunOptions(withData(demo), {
    preset: "demo, demo-color for cifar-10; their portable ones without a native engine",
    out: "runs/demo",
  })
    .addOption(
      listOption("--seeds <numbers>", 0, "repeat with these seeds, as 0,1,2 (default: only that of --seed)"),
    )
    .addOption(
      listOption("--labels-per-class <numbers>", 1, "labelled images of each class (default: 10,100)"),
    )
    .option("--overwrite", "replace a run in --out that is no demo", false);
  withSettings(demo, scopes.demo);
  runs(demo, async () => (await import("./commands/demo.js")).run);
}

function addCompare(sit: Command): void {
  const methods = sit
    .command("methods")
    .description("tell the methods there are, or the settings of one")
    .argument("[name]", "a method");
  runs(withOutputOptions(methods), async () => (await import("./commands/methods.js")).run);

  const compare = sit
    .command("compare")
    .description("pretrain by several methods with several seeds, judge each alike; one table and one plot");
  withRunOptions(withData(compare), {
    preset: "compare for fashion-mnist, compare-color for cifar-10 and a folder",
    out: "runs/compare",
  })
    .addOption(
      namesOption(
        "--methods <names>",
        comparedNames,
        `what is compared, of ${comparedNames.join(", ")} (default: ${usualComparison.join(",")})`,
      ),
    )
    .addOption(listOption("--seeds <numbers>", 0, "repeat with these seeds (default: 0,1,2)"))
    .addOption(
      listOption("--labels-per-class <numbers>", 1, "labelled images of each class (default: 10,100)"),
    );
  withSettings(compare, scopes.compare);
  runs(compare, async () => (await import("./commands/compare.js")).run);
}

function withCheckpoint(command: Command): Command {
  return command.requiredOption("--checkpoint <folder>", "the run to look at (no default)");
}

function version(): string {
  const path = new URL("../package.json", import.meta.url);
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}

function oneLine(text: string): string {
  return text
    .replace(/^error: /, "")
    .trim()
    .replace(/\s*\n\s*/g, " ");
}
