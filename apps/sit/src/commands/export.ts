import { readdir, stat } from "node:fs/promises";
import { SitError } from "@sitjs/core/errors";
import { useEngine } from "@sitjs/engine";
import { savePretrained } from "@sitjs/hub/node";
import type { Run } from "../command-line/run-command.js";
import { findCheckpoint } from "../experiment/checkpoint.js";
import { loadJudged, requireOwnBackbone } from "../experiment/judged-network.js";
import { backboneOptions } from "../experiment/model.js";

/** Writes the network of a run, with its classifier where it was fine-tuned, as a pretrained folder. */
export const run: Run = async (options, { console, signal }, named = "") => {
  const { report } = console;
  const to = options.to as string;
  await requireReplaceable(to);
  const found = await findCheckpoint(named, "run", report);
  requireOwnBackbone(found);
  const { settings, statistics, kind, classes } = found.saved;
  // Tensors are only read and written: no word of engines.
  await useEngine({ prefer: "cpu", onNotice: () => undefined });
  signal.throwIfAborted();
  const { backbone, classifier, dispose } = await loadJudged(found, settings);
  await savePretrained(to, {
    backbone: backboneOptions(settings),
    params: backbone,
    head: classifier && { ...classifier, classes: classifier.classes.length },
    labels: classifier?.classes,
    preprocessing: {
      size: settings.imageSize,
      mean: statistics.mean,
      std: statistics.deviation,
      interpolation: "bicubic",
    },
  }).finally(dispose);
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
