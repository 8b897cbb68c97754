import type { Command } from "commander";
import {
  scopes,
  valueOption,
  withData,
  withOutputOptions,
  withRunOptions,
  withSettings,
} from "../command-line/options.js";
import { runs } from "../command-line/run-command.js";
import { positive } from "./shared.js";

export function addPictures(sit: Command): void {
  const reconstruct = sit.command("reconstruct").description("picture what a checkpoint reconstructs");
  reconstruct.requiredOption(
    "--checkpoint <folder>",
    "the run to look at, whose heads are needed (no default)",
  );
  withRunOptions(withData(reconstruct), { out: "reconstruction.png" })
    .addOption(valueOption("--count <number>", positive, "how many images (default: 8)"))
    .addOption(
      valueOption(
        "--split <name>",
        { type: "choice", choices: ["train", "test"] },
        "which images: train, test (default: train)",
      ),
    );
  withSettings(reconstruct, scopes.reconstruct);
  runs(reconstruct, async () => (await import("../commands/reconstruct.js")).run);

  const report = sit
    .command("report")
    .description("make a run's report.html again from its report.json")
    .argument("<run>", "the run's folder");
  runs(withOutputOptions(report), async () => (await import("../commands/report.js")).run);
}
