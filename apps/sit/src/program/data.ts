import type { Command } from "commander";
import {
  scopes,
  valueOption,
  withOutputOptions,
  withRunOptions,
  withSettings,
} from "../command-line/options.js";
import { runs } from "../command-line/run-command.js";
import { positive, usualPreset } from "./shared.js";

export function addData(sit: Command): void {
  const data = sit.command("data").description("well-known data sets: what there is, fetch one, look at one");

  const list = data
    .command("list")
    .description("tell the data sets, their sizes and licences, and which are here");
  runs(withOutputOptions(list), async () => (await import("../commands/data-list.js")).run);

  const get = data
    .command("get")
    .description("download a data set from its makers, check and unpack it; goes on where it stopped")
    .argument("<name>", "a name of sit data list")
    .option("--to <folder>", "where to put it (default: its place in the cache, where --data NAME looks)");
  runs(withOutputOptions(get), async () => (await import("../commands/data-get.js")).run);

  const show = data
    .command("show")
    .description(
      "tell what is in a data set or a folder of images; picture samples with their augmented views",
    )
    .argument("<name|folder>", "a name of sit data list, or a folder of images");
  withRunOptions(show, { preset: usualPreset })
    .option("--out <file>", "where the picture goes (default: contact.png)")
    .addOption(valueOption("--count <number>", positive, "how many images (default: 8)"))
    .option("--part <name>", "which images: train, test or another part of the data set (default: train)");
  withSettings(show, scopes["data show"]);
  runs(show, async () => (await import("../commands/data-show.js")).run);
}
