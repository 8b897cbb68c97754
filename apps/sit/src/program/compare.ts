import type { Command } from "commander";
import {
  listOption,
  namesOption,
  scopes,
  withData,
  withOutputOptions,
  withRunOptions,
  withSettings,
} from "../command-line/options.js";
import { runs } from "../command-line/run-command.js";
import { comparedNames, usualComparison } from "../settings/compared.js";

export function addCompare(sit: Command): void {
  const methods = sit
    .command("methods")
    .description("tell the methods there are, or the settings of one")
    .argument("[name]", "a method");
  runs(withOutputOptions(methods), async () => (await import("../commands/methods.js")).run);

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
  runs(compare, async () => (await import("../commands/compare.js")).run);

  const ablate = sit
    .command("ablate")
    .description("run a grid of settings from a file, judge each alike; tables, plots, and what they say")
    .argument("<file>", "TypeScript or JavaScript module that exports defineAblation({ … })");
  withRunOptions(withData(ablate), {
    preset: "the file's, else compare for fashion-mnist, compare-color for cifar-10 and a folder",
    out: "runs/ablate",
  })
    .addOption(
      listOption("--seeds <numbers>", 0, "repeat with these seeds (default: the file's, else 0,1,2)"),
    )
    .addOption(
      listOption(
        "--labels-per-class <numbers>",
        1,
        "labelled images of each class (default: the file's, else 10)",
      ),
    )
    .option("--axes <names>", "only these axes of the file, as alpha,length (default: all)");
  withSettings(ablate, scopes.ablate);
  runs(ablate, async () => (await import("../commands/ablate.js")).run);
}
