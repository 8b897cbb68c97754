import { readdir, stat } from "node:fs/promises";
import { withoutPrefix } from "@sitjs/core";
import { SitError } from "@sitjs/core/errors";
import { useEngine } from "@sitjs/engine";
import { averageOf, CLASSIFIER_PREFIXES } from "@sitjs/eval";
import { savePretrained } from "@sitjs/hub/node";
import { disposeState } from "@sitjs/train";
import { loadCheckpoint } from "@sitjs/train/node";
import type { Run } from "../command-line/run-command.js";
import { findCheckpoint } from "../experiment/checkpoint.js";
import { backboneOptions } from "../experiment/model.js";
import { BACKBONE_PREFIX, chosenBackbone } from "../experiment/trained.js";

/** Writes the network of a run, with its classifier where it was fine-tuned, as a pretrained folder. */
export const run: Run = async (options, { console, signal }, named = "") => {
  const { report } = console;
  const to = options.to as string;
  await requireReplaceable(to);
  const found = await findCheckpoint(named, "run", report);
  const { settings, statistics, kind, classes, customParts } = found.saved;
  if (customParts.includes("backbone")) {
    throw new SitError("bad-option", "run: expected a network of the settings, got one of a config file");
  }
  // Tensors are only read and written: no word of engines.
  await useEngine({ prefer: "cpu", onNotice: () => undefined });
  signal.throwIfAborted();
  const { state } = await loadCheckpoint(found.named, { onDamaged: found.onDamaged });
  try {
    const tuned = kind === "finetune";
    // What fine-tuning was judged by: the moving average of the parameters, where it kept one.
    const all = (tuned ? averageOf(state) : undefined) ?? state.student;
    const params = tuned ? withoutPrefix(BACKBONE_PREFIX, all) : chosenBackbone(state, settings.weights);
    const head = tuned
      ? {
          kind: settings.classifier,
          input: settings.pool,
          classes: classes?.length ?? 0,
          params: withoutPrefix(CLASSIFIER_PREFIXES.head, all),
        }
      : undefined;
    await savePretrained(to, {
      backbone: backboneOptions(settings),
      params,
      head,
      labels: head && classes,
      preprocessing: {
        size: settings.imageSize,
        mean: statistics.mean,
        std: statistics.deviation,
        interpolation: "bicubic",
      },
    });
  } finally {
    disposeState(state);
  }
  const what = kind === "finetune" ? `the classifier of ${classes?.length ?? 0} classes` : "the backbone";
  console.result({ command: "export", out: to, kind, classes: classes ?? null }, [`Wrote ${what}: ${to}`]);
};

/** A folder of something else is not put away for a pretrained one. */
async function requireReplaceable(to: string): Promise<void> {
  const there = await stat(to).catch(() => undefined);
  if (there === undefined) return;
  const names = there.isDirectory() ? await readdir(to) : undefined;
  if (names && (names.length === 0 || names.includes("config.json"))) return;
  const got = names === undefined ? "a file" : "a folder with other files in it";
  throw new SitError("bad-option", `--to: expected a new folder or one of sit export, got ${got}: ${to}`);
}
