import type { AnnotationFormat } from "@sitjs/data";
import type { Command } from "commander";
import { networkNames } from "../command-line/network-names.js";
import { scopes, valueOption, withRunOptions, withSettings } from "../command-line/options.js";
import { runs } from "../command-line/run-command.js";

// Not the package's own list: the command line is there before the packages are loaded.
const formats = ["csv", "json", "voc", "coco"] as const satisfies readonly AnnotationFormat[];

export function addMultilabel(sit: Command): void {
  const multilabel = sit
    .command("multilabel")
    .description("train a classifier on images that show several classes each");
  multilabel
    .option("--checkpoint <path>", `what to start from: ${networkNames} (default: none)`)
    .option("--from-scratch", "start from random parameters instead", false)
    .option(
      "--data <folder>",
      "the folder of the images, or a data set with several labels an image (no default)",
    )
    .option(
      "--labels <path>",
      "what each image shows: a CSV, JSON or COCO file, or a folder of Pascal VOC (default: what a data set by name has)",
    )
    .addOption(
      valueOption(
        "--format <name>",
        { type: "choice", choices: formats },
        `of all labels: ${formats.join(", ")} (default: told by what is in them)`,
      ),
    )
    .option("--separator <text>", 'between several labels in a cell of CSV (default: "|")')
    .option("--list <file>", "Pascal VOC: the text file that names the annotations to read (default: all)")
    .option("--test-labels <path>", "those of the test images (default: a fifth of the others)")
    .option("--test-list <file>", "Pascal VOC: the names to test with (default: all of --test-labels)")
    .option("--test-data <folder>", "the folder of the test images (default: that of --data)");
  withRunOptions(multilabel, {
    preset: "the checkpoint's settings; from scratch paper-small",
    out: "runs/multilabel",
  })
    .option("--resume", "go on with the run in --out, by its own settings", false)
    .option("--overwrite", "replace an earlier run in --out", false);
  withSettings(multilabel, scopes.multilabel);
  runs(multilabel, async () => (await import("../commands/multilabel.js")).run);
}
