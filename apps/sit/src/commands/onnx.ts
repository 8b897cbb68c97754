import { SitError } from "@sitjs/core/errors";
import { useEngine } from "@sitjs/engine";
import type { Pooling } from "@sitjs/onnx";
import { exportOnnxFolder, requireNewFolder } from "@sitjs/onnx/node";
import { scopes, settingsOf } from "../command-line/options.js";
import type { Run } from "../command-line/run-command.js";
import { backboneOptions } from "../experiment/model.js";
import { findNetwork, requireOwnBackbone, requireOwnWeights } from "../experiment/network.js";

/** Writes a network as ONNX, with what transformers.js needs beside it: an embedding, or a classifier. */
export const run: Run = async (options, { console, signal }, folder) => {
  const { report } = console;
  const out = options.out as string;
  const found = await findNetwork(folder as string, { option: "run", report, signal });
  requireOwnWeights(found, options);
  requireOwnBackbone(found, ", of which ONNX nodes are not known");
  const { settings, statistics, kind, multiLabel } = found.saved;
  for (const name of kind === "pretrain" ? [] : ["features", "weights"]) {
    if (options[name] === undefined) continue;
    throw new SitError(
      "bad-option",
      `--${name}: expected a pretrained network with it, got a fine-tuned one`,
    );
  }
  await requireNewFolder(out);
  // Weights are only read and turned, which plain JavaScript does at once: no word of engines.
  await useEngine({ prefer: "cpu", onNotice: () => undefined });
  signal.throwIfAborted();
  const network = await found.loadJudged({ ...settings, ...settingsOf(options, scopes.onnx) });
  const { classifier } = network;
  const files = await exportOnnxFolder(out, {
    backbone: backboneOptions(settings),
    mean: statistics.mean,
    deviation: statistics.deviation,
    ...(options.opset !== undefined && { opset: Number(options.opset) }),
    params: network.backbone,
    ...(classifier === undefined
      ? { pooling: (options.features as Pooling | undefined) ?? "token" }
      : {
          head: {
            options: {
              kind: classifier.kind,
              input: classifier.input,
              classes: classifier.classes.length,
            },
            params: classifier.params,
          },
          classes: classifier.classes,
          multiLabel,
        }),
  }).finally(network.dispose);
  const output = classifier === undefined ? "embedding" : "logits";
  const task = classifier === undefined ? "image-feature-extraction" : "image-classification";
  console.result({ command: "onnx", out, output, task, classes: classifier?.classes ?? null, files }, [
    `Wrote ${files.join(", ")}`,
    `For the pipeline ${task} of transformers.js`,
  ]);
};
