import type { Command } from "commander";
import {
  listOption,
  numbersOption,
  scopes,
  valueOption,
  withData,
  withRunOptions,
  withSettings,
} from "../command-line/options.js";
import { runs } from "../command-line/run-command.js";
import { featureKinds, linearDefaults, linearOptimizers } from "../settings/linear.js";
import { positive, withCheckpoint } from "./shared.js";

/** The commands that judge a frozen network by labelled images. */
export function addProtocols(sit: Command): void {
  const { features, layers, epochs, batchSize, optimizer, learningRates } = linearDefaults;
  const linear = sit
    .command("linear")
    .description("train one linear layer on a checkpoint's frozen features");
  withRunOptions(withData(withCheckpoint(linear)), { out: "runs/linear" })
    .addOption(
      valueOption("--labels-per-class <number>", positive, "labelled images of each class (default: all)"),
    )
    .addOption(
      valueOption(
        "--features <name>",
        { type: "choice", choices: featureKinds },
        `which tokens: ${featureKinds.join(", ")} (default: ${features})`,
      ),
    )
    .addOption(
      valueOption(
        "--layers <number>",
        positive,
        `of how many of the last blocks, joined (default: ${layers})`,
      ),
    )
    .addOption(
      valueOption("--epochs <number>", positive, `passes over the training images (default: ${epochs})`),
    )
    .addOption(
      valueOption(
        "--batch-size <number>",
        { type: "whole", minimum: 2 },
        `labelled images in a step (default: ${batchSize})`,
      ),
    )
    .addOption(
      valueOption(
        "--optimizer <name>",
        { type: "choice", choices: linearOptimizers },
        `${linearOptimizers.join(", ")} (default: ${optimizer})`,
      ),
    )
    .addOption(
      numbersOption(
        "--learning-rates <numbers>",
        1e-9,
        `for a batch of 256; of several the best on held-out training images (default: ${learningRates.join(",")})`,
      ),
    )
    .option("--augment", "crop and flip the images anew in each epoch: as in the papers, and slow", false);
  withSettings(linear, scopes.linear);
  runs(linear, async () => (await import("../commands/linear.js")).run);

  const fewshot = sit
    .command("fewshot")
    .description("classify by a few labelled images of each class, drawn many times");
  withRunOptions(withData(withCheckpoint(fewshot)), { out: "runs/fewshot" })
    .addOption(listOption("--shots <numbers>", 1, "labelled images of each class (default: 1,5,10,20)"))
    .addOption(
      valueOption(
        "--draws <number>",
        { type: "whole", minimum: 2 },
        "how often they are drawn (default: 20)",
      ),
    )
    .addOption(
      valueOption(
        "--strength <number>",
        { type: "number", minimum: 1e-9, maximum: Number.POSITIVE_INFINITY },
        "weight of the images beside the penalty in the logistic regression (default: 1)",
      ),
    )
    .option("--from-scratch", "judge the same network with random parameters too", false)
    .addOption(
      valueOption(
        "--finetune <number>",
        { type: "whole", minimum: 2 },
        "so many of the draws are fine-tuned with too (default: none, for it takes long)",
      ),
    );
  withSettings(fewshot, scopes.fewshot);
  runs(fewshot, async () => (await import("../commands/fewshot.js")).run);
}
