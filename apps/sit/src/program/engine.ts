import { type Command, Option } from "commander";
import { withOutputOptions } from "../command-line/options.js";
import { runs } from "../command-line/run-command.js";

export function addEngineCommands(sit: Command): void {
  const doctor = sit.command("doctor").description("tell which engines this machine can have, and how");
  runs(withOutputOptions(doctor), async () => (await import("../commands/doctor.js")).run);
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
        "addons of the platform package, else built from source where there is a compiler, else the official prebuilt",
      )
        .choices(["auto", "package", "source", "official"])
        .default("auto"),
    )
    .option("--force", "make it anew even if it is there", false);
  runs(withOutputOptions(install), async () => (await import("../commands/engine-install.js")).run);
}
