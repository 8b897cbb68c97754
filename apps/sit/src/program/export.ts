import type { Command } from "commander";
import { withOutputOptions } from "../command-line/options.js";
import { runs } from "../command-line/run-command.js";

export function addExport(sit: Command): void {
  const command = sit
    .command("export")
    .description("write a run's network as a pretrained folder, which transformers opens too")
    .argument("<run>", "the folder of a run that pretrained or fine-tuned")
    .requiredOption("--to <folder>", "where it is written; what is there is replaced (no default)");
  runs(withOutputOptions(command), async () => (await import("../commands/export.js")).run);
}
