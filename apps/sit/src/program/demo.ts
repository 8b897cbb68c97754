import type { Command } from "commander";
import { listOption, scopes, withData, withRunOptions, withSettings } from "../command-line/options.js";
import { runs } from "../command-line/run-command.js";

export function addDemo(sit: Command): void {
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
    .option("--resume", "go on with the demo that was stopped in --out, by its own settings", false)
    .option("--overwrite", "begin anew where a demo was stopped, or replace a run that is no demo", false);
  withSettings(demo, scopes.demo);
  runs(demo, async () => (await import("../commands/demo.js")).run);
}
