import { readFileSync } from "node:fs";
import { Command, Option } from "commander";
import {
  shortFinetuneFlag,
  valueOption,
  withData,
  withOutputOptions,
  withRunOptions,
  withSettings,
} from "./command-line/options.js";
import { runs } from "./command-line/run-command.js";

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

function addPretrain(sit: Command): void {
  const pretrain = sit.command("pretrain").description("pretrain on images without labels");
  withRunOptions(withData(pretrain), "runs/pretrain")
    .addOption(
      valueOption(
        "--steps <number>",
        { type: "whole", minimum: 1 },
        "end after so many steps (default: all epochs)",
      ),
    )
    .option("--resume", "go on from the checkpoint in --out", false);
  withSettings(pretrain, ["data", "model", "pretraining"]);
  runs(pretrain, async () => (await import("./commands/pretrain.js")).run);
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
