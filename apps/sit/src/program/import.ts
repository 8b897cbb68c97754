import type { WeightOrigin } from "@sitjs/hub";
import type { Command } from "commander";
import { numbersOption, valueOption, withOutputOptions } from "../command-line/options.js";
import { runs } from "../command-line/run-command.js";
import { positive } from "./shared.js";

// Not the package's own list: the command line is there before the packages are loaded.
const names = [
  "timm",
  "huggingface-vit",
  "dino",
  "mae",
  "moco-v3",
  "sit",
] as const satisfies readonly WeightOrigin[];

export function addImport(sit: Command): void {
  const command = sit
    .command("import")
    .description("make a pretrained folder of weights from elsewhere, and tell what was not used")
    .argument(
      "<source>",
      "a folder of transformers or timm, a file (.safetensors, .pth), or hf:OWNER/NAME@REVISION",
    )
    .requiredOption(
      "--out <folder>",
      "where the folder goes; a pretrained one there is replaced (no default)",
    )
    .addOption(
      valueOption(
        "--names <name>",
        { type: "choice", choices: names },
        `a file: whose names it has: ${names.join(", ")} (default: told by them)`,
      ),
    )
    .option(
      "--network <name>",
      "which of several networks in it: student, teacher and the like (default: the one its own code judges)",
    )
    .option(
      "--only <key>",
      "a .pth file: the entry to read, where unknown classes lie beside it (default: all)",
    )
    .addOption(
      valueOption(
        "--heads <number>",
        positive,
        "attention heads, of which no tensor tells (default: those usual for the width)",
      ),
    )
    .addOption(
      valueOption(
        "--image-size <number>",
        positive,
        "a file: side of the images in pixels (default: by its positions)",
      ),
    )
    .addOption(
      numbersOption(
        "--mean <numbers>",
        0,
        "of each channel, of values in 0 to 1 (default: what the folder says, else ImageNet's)",
      ),
    )
    .addOption(
      numbersOption("--std <numbers>", 1e-6, "standard deviation of each channel (default: as --mean)"),
    );
  runs(withOutputOptions(command), async () => (await import("../commands/import.js")).run);
}
