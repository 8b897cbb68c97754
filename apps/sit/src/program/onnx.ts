import type { Command } from "commander";
import { networkNames } from "../command-line/network-names.js";
import { scopes, valueOption, withOutputOptions, withSettings } from "../command-line/options.js";
import { runs } from "../command-line/run-command.js";

export function addOnnx(sit: Command): void {
  const onnx = sit
    .command("onnx")
    .description("write a network as a folder with an ONNX file, for transformers.js")
    .argument("<run>", `a pretrained network, or a classifier: ${networkNames}`)
    .requiredOption("--out <folder>", "where the folder goes (no default)")
    .addOption(
      valueOption(
        "--features <name>",
        { type: "choice", choices: ["token", "mean", "token+mean"] },
        "pretrained: class token, mean of the patches, or both: token, mean, token+mean (default: token)",
      ),
    )
    .addOption(
      valueOption(
        "--opset <number>",
        { type: "choice", choices: ["17", "18", "19", "20", "21"] },
        "version of ONNX's operators: 17, 18, 19, 20, 21 (default: 17)",
      ),
    );
  withSettings(withOutputOptions(onnx), scopes.onnx);
  runs(onnx, async () => (await import("../commands/onnx.js")).run);
}
