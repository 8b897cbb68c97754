import type { Command } from "commander";
import { networkNames } from "../command-line/network-names.js";
import { scopes, valueOption, withData, withRunOptions, withSettings } from "../command-line/options.js";
import { runs } from "../command-line/run-command.js";
import { positive, usualPreset } from "./shared.js";

export function addEmbeddings(sit: Command): void {
  const embed = sit.command("embed").description("write images' features to a Parquet file or NumPy arrays");
  withNetwork(embed, "all", "embeddings.parquet; a name with .parquet or .npy, else a folder");
  runs(embed, async () => (await import("../commands/embed.js")).run);

  const project = sit
    .command("project")
    .description("picture images as points, near where their features are (t-SNE, UMAP)")
    .option("--embeddings <file>", "what sit embed has written, in place of a network (default: none)")
    .addOption(
      valueOption(
        "--method <name>",
        { type: "choice", choices: ["tsne", "umap"] },
        "tsne or umap (default: tsne)",
      ),
    )
    .addOption(
      valueOption(
        "--perplexity <number>",
        { type: "number", minimum: 1.01, maximum: Number.POSITIVE_INFINITY },
        "tsne: effective number of neighbours (default: 30)",
      ),
    )
    .addOption(
      valueOption(
        "--neighbours <number>",
        { type: "whole", minimum: 2 },
        "umap: neighbours of an image in the graph (default: 15)",
      ),
    );
  withNetwork(project, "2000", "projection.svg, with projection.json beside it");
  runs(project, async () => (await import("../commands/project.js")).run);
}

/** The options of a command that embeds images. */
function withNetwork(command: Command, images: string, out: string): void {
  command
    .option("--checkpoint <path>", `whose network is used: ${networkNames} (no default)`)
    .option("--from-scratch", "a network of random parameters instead, to compare with", false);
  withRunOptions(withData(command), { preset: `the checkpoint's settings; from scratch ${usualPreset}`, out })
    .addOption(
      valueOption(
        "--features <name>",
        { type: "choice", choices: ["token", "mean", "token+mean"] },
        "class token, mean of the patches, or both: token, mean, token+mean (default: token)",
      ),
    )
    .addOption(
      valueOption(
        "--split <name>",
        { type: "choice", choices: ["train", "test", "all"] },
        "which images: train, test, all (default: all)",
      ),
    )
    .addOption(valueOption("--images <number>", positive, `so many, drawn by the seed (default: ${images})`));
  withSettings(command, scopes.embed);
}
