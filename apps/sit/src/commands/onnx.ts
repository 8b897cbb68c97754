import { withoutPrefix } from "@sitjs/core";
import { SitError } from "@sitjs/core/errors";
import { useEngine } from "@sitjs/engine";
import { averageOf, CLASSIFIER_PREFIXES } from "@sitjs/eval";
import type { OnnxHead, Pooling } from "@sitjs/onnx";
import { exportOnnxFolder, type FolderOptions, requireNewFolder } from "@sitjs/onnx/node";
import { disposeState } from "@sitjs/train";
import { loadCheckpoint } from "@sitjs/train/node";
import { scopes, settingsOf } from "../command-line/options.js";
import type { ParsedOptions } from "../command-line/resolve.js";
import type { Run } from "../command-line/run-command.js";
import { type FoundCheckpoint, findCheckpoint } from "../experiment/checkpoint.js";
import { backboneOptions } from "../experiment/model.js";
import { loadTrained } from "../experiment/trained.js";

/** Writes a run's network as ONNX, with what transformers.js needs beside it. */
export const run: Run = async (options, { console, signal }, folder) => {
  const { report } = console;
  const out = options.out as string;
  const found = await findCheckpoint(folder as string, "run", report);
  requireOwnBackbone(found);
  const network = found.saved.kind === "pretrain" ? pretrained : fineTuned;
  const taken = network(found, options);
  await requireNewFolder(out);
  // Weights are only read and turned, which plain JavaScript does at once: no word of engines.
  await useEngine({ prefer: "cpu", onNotice: () => undefined });
  signal.throwIfAborted();
  const { given, output, dispose } = await taken();
  const { settings, statistics } = found.saved;
  const files = await exportOnnxFolder(out, {
    backbone: backboneOptions(settings),
    mean: statistics.mean,
    deviation: statistics.deviation,
    ...(options.opset !== undefined && { opset: Number(options.opset) }),
    ...given,
  }).finally(dispose);
  const task = output === "logits" ? "image-classification" : "image-feature-extraction";
  console.result({ command: "onnx", out, output, task, classes: given.classes ?? null, files }, [
    `Wrote ${files.join(", ")}`,
    `For the pipeline ${task} of transformers.js`,
  ]);
};

interface Network {
  readonly given: Pick<FolderOptions, "params" | "head" | "pooling" | "classes" | "multiLabel">;
  readonly output: "embedding" | "logits";
  dispose(): void;
}

function requireOwnBackbone({ saved, path }: FoundCheckpoint): void {
  if (!saved.customParts.includes("backbone")) return;
  throw new SitError(
    "bad-option",
    `run ${path}: expected a network of the settings, got one from the config file ${saved.config}, of which ONNX nodes are not known`,
  );
}

/** The backbone, which gives an embedding. */
function pretrained(found: FoundCheckpoint, options: ParsedOptions): () => Promise<Network> {
  const pooling = (options.features as Pooling | undefined) ?? "token";
  const settings = { ...found.saved.settings, ...settingsOf(options, scopes.onnx) };
  return async () => {
    const { backbone, dispose } = await loadTrained(found, settings);
    return { given: { params: backbone, pooling }, output: "embedding", dispose };
  };
}

/** The classifier that its run was judged by: the average of the parameters where one was kept. */
function fineTuned(
  { saved, named, onDamaged }: FoundCheckpoint,
  options: ParsedOptions,
): () => Promise<Network> {
  for (const name of ["features", "weights"]) {
    if (options[name] === undefined) continue;
    throw new SitError("bad-option", `--${name}: expected a pretrained run with it, got a fine-tuned one`);
  }
  const { settings, classes = [], command } = saved;
  return async () => {
    const { state } = await loadCheckpoint(named, { onDamaged });
    const params = averageOf(state) ?? state.student;
    const head: OnnxHead = {
      options: { kind: settings.classifier, input: settings.pool, classes: classes.length },
      params: withoutPrefix(CLASSIFIER_PREFIXES.head, params),
    };
    return {
      given: {
        params: withoutPrefix(CLASSIFIER_PREFIXES.backbone, params),
        head,
        classes,
        multiLabel: command === "multilabel",
      },
      output: "logits",
      dispose: () => disposeState(state),
    };
  };
}
