import { SitError } from "@sitjs/core/errors";
import { writeFileAtomically } from "@sitjs/core/node";
import { scopes } from "../command-line/options.js";
import { resolveRun } from "../command-line/resolve.js";
import type { Run } from "../command-line/run-command.js";
import { findCheckpoint } from "../experiment/checkpoint.js";
import { openData } from "../experiment/data.js";
import { leftOutImages, leftOutLines, leftOutSummary } from "../experiment/left-out.js";
import { makeBackbone, makeMethod } from "../experiment/model.js";
import { reconstructionPictures } from "../experiment/pictures.js";
import { makeParts, startEngine } from "../experiment/session.js";
import { loadTrained, requireParts } from "../experiment/trained.js";
import { requirePicturePath } from "../output/picture-path.js";

/** Corrupts images, has a checkpoint's network reconstruct them, and writes the picture. */
export const run: Run = async (options, { console, signal }) => {
  const { report } = console;
  const found = await findCheckpoint(options.checkpoint as string, "--checkpoint", report);
  const { saved } = found;
  if (saved.kind !== "pretrain") {
    throw new SitError(
      "bad-option",
      "--checkpoint: expected a pretraining run, got a fine-tuned one, which does not reconstruct",
    );
  }
  const choice = await resolveRun(options, {
    defaultOut: "reconstruction.png",
    scope: scopes.reconstruct,
    checkpoint: saved.settings,
  });
  const { settings, seed, out } = choice;
  await requirePicturePath(out);
  const { channels, imageSize } = settings;
  const leftOut = leftOutImages(report);
  const part = options.split === "test" ? "test" : "training";
  const opening = { channels, imageSize, settings, leftOut, report, signal };
  const data = await openData(choice.data, { ...opening, labelled: false, test: part === "test" });
  const images = part === "test" ? data.test : data.train;
  if (images === undefined) {
    throw new SitError(
      "bad-option",
      `--split test: expected a folder with train and test in it, got ${choice.data}`,
    );
  }
  const { statistics } = saved;
  const parts = await makeParts(choice.config, settings, statistics);
  requireParts(found, parts, ["backbone", "reconstruction", "contrast", "method"]);
  const backbone = makeBackbone(settings, parts);
  const method = makeMethod({ settings, backbone, statistics, images: images.length }, parts);
  if (method.reconstruct === undefined) {
    throw new SitError(
      "bad-option",
      `--checkpoint: expected a run that learned to reconstruct, got one of ${method.name}, which has no pictures to show`,
    );
  }

  await startEngine(choice.engine, report, data.note);
  signal.throwIfAborted();
  const trained = await loadTrained(found, settings);
  const rows = await reconstructionPictures({
    method,
    params: trained.student,
    dataset: images,
    part,
    count: (options.count as number | undefined) ?? 8,
    context: { settings, statistics, seed, workers: 0, leftOut },
  });
  trained.dispose();
  const pictures = rows ?? [];
  const { gridPng } = await import("../output/grid.js");
  await writeFileAtomically(out, await gridPng(pictures));
  console.result(
    { command: "reconstruct", out, images: pictures.length, leftOut: leftOutSummary(leftOut.list()) },
    [
      `Wrote ${out}: ${pictures.length} images; from the top: clean, corrupted, mask, reconstruction`,
      ...leftOutLines(leftOut.list()),
    ],
  );
};
