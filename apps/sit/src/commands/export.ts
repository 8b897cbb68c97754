import { SitError } from "@sitjs/core/errors";
import { useEngine } from "@sitjs/engine";
import { evaluationPreprocessing } from "@sitjs/hub";
import { savePretrained } from "@sitjs/hub/node";
import type { Run } from "../command-line/run-command.js";
import { backboneOptions } from "../experiment/model.js";
import { findNetwork, requireOwnBackbone } from "../experiment/network.js";
import { requireReplaceable } from "../output/pretrained-folder.js";

/** Writes the network of a run, with its classifier where it was fine-tuned, as a pretrained folder. */
export const run: Run = async (options, { console, signal }, named = "") => {
  const { report } = console;
  const to = options.to as string;
  await requireReplaceable(to, "--to");
  const found = await findNetwork(named, { option: "run", report, signal });
  if (found.origin.kind !== "run") {
    throw new SitError("bad-option", `run: expected one of sit, got a ${found.origin.kind}: ${named}`, {
      mend: "sit import makes a folder of it.",
    });
  }
  requireOwnBackbone(found);
  const { settings, statistics, kind, classes, multiLabel } = found.saved;
  // Tensors are only read and written: no word of engines.
  await useEngine({ prefer: "cpu", onNotice: () => undefined });
  signal.throwIfAborted();
  const { backbone, classifier, dispose } = await found.loadJudged(settings);
  await savePretrained(to, {
    backbone: backboneOptions(settings),
    params: backbone,
    head: classifier && { ...classifier, classes: classifier.classes.length },
    labels: classifier?.classes,
    multiLabel,
    preprocessing: evaluationPreprocessing({
      size: settings.imageSize,
      mean: statistics.mean,
      std: statistics.deviation,
    }),
  }).finally(dispose);
  const what = kind === "finetune" ? `the classifier of ${classes?.length ?? 0} classes` : "the backbone";
  console.result({ command: "export", out: to, kind, classes: classes ?? null }, [`Wrote ${what}: ${to}`]);
};
