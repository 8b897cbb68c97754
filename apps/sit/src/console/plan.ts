import { join } from "node:path";
import type { RunPlan } from "../experiment/plan.js";
import { runFiles } from "../run-folder/files.js";

const whole = (value: number) => Math.round(value).toLocaleString("en-GB");
/** `0.002`, `1e-5`; at most four digits. */
const rate = (value: number) =>
  value !== 0 && Math.abs(value) < 1e-3
    ? value.toExponential(3).replace(/\.?0+e/, "e")
    : String(Number(value.toPrecision(4)));
const change = ([from, to]: readonly [number, number]) =>
  rate(from) === rate(to) ? rate(from) : `${rate(from)} to ${rate(to)}`;

/** `3.4 MB` */
export function megabytes(bytes: number): string {
  const size = bytes / 1e6;
  return size < 1000 ? `${size.toFixed(size < 10 ? 1 : 0)} MB` : `${(size / 1000).toFixed(1)} GB`;
}

/** What a pretraining is about to do, in a few lines. */
export function planLines(plan: RunPlan): string[] {
  const { parameters, weightDecay, momentum, precision } = plan;
  const teacher = parameters.teacher > 0 ? `, ${whole(parameters.teacher)} in the teacher` : "";
  const follows = momentum === undefined ? "" : `, teacher's momentum ${change(momentum)}`;
  return [
    `Images: ${imagesText(plan)}`,
    `Learning rate: ${learningRateText(plan)}`,
    `Weight decay ${change(weightDecay)}${follows}, precision ${precision}`,
    `Parameters: ${whole(parameters.backbone)} in the backbone, ${whole(parameters.heads)} in the heads${teacher}`,
    `Checkpoints: ${checkpointText(plan)}`,
    `Watching: ${watchingText(plan)}`,
  ];
}

function imagesText({
  images,
  imageSize,
  views,
  batchSize,
  stepsPerEpoch,
  steps,
  epochs,
  stepsDone,
}: RunPlan) {
  const each = views === 1 ? "1 view" : `${views} views`;
  const size = `${imageSize} x ${imageSize}`;
  const done = stepsDone > 0 ? `, ${whole(stepsDone)} of them done` : "";
  const of = `${whole(steps)} steps in ${Number(epochs.toFixed(2))} epochs of ${whole(stepsPerEpoch)}${done}`;
  return `${whole(images)}, ${size}, ${each} of each; effective batch ${batchSize} images (${batchSize * views} views); ${of}`;
}

function learningRateText({ learningRate, batchSize, steps }: RunPlan): string {
  const { base, peak, warmupSteps, shape, final } = learningRate;
  const scaled = `${rate(base)} x ${batchSize} / 256 = ${rate(peak)}`;
  const warm = warmupSteps > 0 ? `after ${whole(warmupSteps)} steps of warm-up` : "without warm-up";
  const after = whole(steps - warmupSteps);
  const falls =
    shape === "cosine" ? `by a cosine over ${after} steps to` : `in single falls over ${after} steps to`;
  return `${scaled} ${warm}, then ${falls} ${rate(final)}`;
}

function checkpointText({ checkpoints }: RunPlan): string {
  const { folder, epochs, steps, minutes, kept, bytes } = checkpoints;
  if (folder === undefined) return "none";
  const when = [
    ...(epochs > 0 ? [epochs === 1 ? "every epoch" : `every ${epochs} epochs`] : []),
    ...(steps > 0 ? [`every ${steps} steps`] : []),
    ...(minutes > 0 ? [`every ${minutes} minutes`] : []),
    "at the end",
  ];
  return `in ${join(folder, runFiles.checkpoints)}, ${listed(when)}; the latest ${kept} and the best are kept, ${megabytes(bytes)} each`;
}

function watchingText({ watching, epochs }: RunPlan): string {
  if (watching === "off") return "none";
  if (watching === "too short") return "none, the run is too short for it (--watch-share)";
  const { everyEpochs, images, queries, share } = watching;
  const often = everyEpochs === 1 ? "every epoch" : `every ${everyEpochs} epochs`;
  const when =
    everyEpochs < epochs
      ? `before, ${often} and at the end`
      : everyEpochs === Infinity
        ? "at the end"
        : "before and at the end";
  const what =
    queries > 0
      ? `k-NN (${whole(queries)} training images by ${whole(images - queries)} others, no test image) and collapse`
      : `collapse (${whole(images)} training images; no labels, so no k-NN)`;
  return `${what}, ${when}; about ${(100 * share).toFixed(1)} % of the work`;
}

function listed(texts: readonly string[]): string {
  return texts.length < 2 ? texts.join("") : `${texts.slice(0, -1).join(", ")} and ${texts.at(-1)}`;
}
