import { requireOption } from "@sitjs/core/errors";
import type { ReportData } from "./data.js";
import {
  type Check,
  fraction,
  fractionOrNull,
  label,
  list,
  number,
  numberOrNull,
  object,
  oneOf,
  record,
  setting,
  text,
  tuple,
} from "./structure.js";

const learning = {
  parts: record(numberOrNull),
  learningRate: numberOrNull,
  imagesPerSecond: numberOrNull,
};

const spread = { values: list(fraction), mean: fraction, deviation: fraction };

const comparison = {
  seeds: list(number),
  rows: list(
    object(
      { name: text, runs: number, accuracy: list(object({ labels: number, ...spread })) },
      { knn: object(spread), linear: object(spread), seconds: number, imagesPerSecond: number },
    ),
  ),
};

const verdict = oneOf("seen", "not seen", "undecided");

/** Its sizes and their product are looked at by the encoder; here that the pixels are there and not only promised. */
const pixels: Check = (value, path) =>
  requireOption(Array.isArray(value) || ArrayBuffer.isView(value), path, "a list of values", typeof value);
const picture = object({ width: number, height: number, channels: number, data: pixels });

const truth: Check = (value, path) => requireOption(typeof value === "boolean", path, "true or false", value);

const classIndex: Check = (value, path) => {
  number(value, path);
  label(value, path);
};

/** As many columns as rows, of counts. */
const confusionCheck: Check = (value, path) => {
  list(list(number))(value, path);
  const rows = value as readonly (readonly number[])[];
  const wrong = rows.findIndex((row) => row.length !== rows.length);
  requireOption(
    wrong === -1,
    `${path}[${wrong}]`,
    `${rows.length} counts, as there are rows`,
    rows[wrong]?.length,
  );
};

const report = object(
  {},
  {
    title: text,
    date: text,
    command: text,
    seed: number,
    warnings: list(text),
    engine: object(
      { name: text },
      { backend: text, device: text, tensorflow: text, cores: number, kernels: list(text) },
    ),
    dataset: object(
      { name: text, images: number },
      {
        labelled: number,
        unlabelled: number,
        test: number,
        imageSize: tuple(number, number, number),
        classes: list(text),
      },
    ),
    pretrain: object(
      {
        epochs: number,
        steps: number,
        seconds: number,
        imagesPerSecond: number,
        history: list(object({ epoch: number }, learning)),
      },
      { explanation: text, stepHistory: list(object({ step: number }, learning)) },
    ),
    accuracy: list(object({ labels: number }, { scratch: fraction, pretrained: fraction })),
    comparison: object(comparison),
    ablation: object({
      axes: list(object({ title: text, ...comparison }, { question: text })),
      findings: list(
        object(
          {
            claim: text,
            verdict,
            measures: list(
              object({ measure: text, difference: number, low: numberOrNull, high: numberOrNull, verdict }),
            ),
          },
          { source: text },
        ),
      ),
    }),
    mistakes: list(
      object(
        { title: text, confusion: confusionCheck },
        {
          worst: list(
            object(
              { picture, label: classIndex, predicted: classIndex, probability: fraction },
              { image: text },
            ),
          ),
        },
      ),
    ),
    multiLabel: object(
      {
        classes: list(
          object({ name: text, positives: number, counted: number }, { averagePrecision: fractionOrNull }),
        ),
      },
      { mean: fractionOrNull, guessing: fractionOrNull },
    ),
    linear: object(
      {
        top1: fraction,
        top5: fraction,
        labels: number,
        epochs: number,
        learningRate: number,
        optimizer: text,
        features: text,
        augmented: truth,
      },
      { tried: list(object({ learningRate: number, top1: fraction })) },
    ),
    fewShot: list(
      object({
        name: text,
        shots: number,
        accuracies: list(fraction),
        mean: fraction,
        low: number,
        high: number,
      }),
    ),
    knn: object({}, { before: fraction, after: fraction, k: number }),
    finetune: list(
      object({
        labels: number,
        start: oneOf("scratch", "pretrained"),
        history: list(object({ epoch: number }, { loss: numberOrNull, accuracy: fractionOrNull })),
      }),
    ),
    reconstructions: list(
      object(
        {
          title: text,
          rows: list(
            object(
              { clean: picture, corrupted: picture, mask: picture, reconstruction: picture },
              { label: text },
            ),
          ),
        },
        { caption: text },
      ),
    ),
    embeddings: list(object({ title: text, points: list(tuple(number, number, label)) }, { caption: text })),
    leftOut: list(object({ path: text, reason: text }, { part: text })),
    timings: list(object({ name: text, seconds: number })),
    peakMemoryMB: number,
    settings: record(setting()),
    machine: record((value, path) => (typeof value === "string" ? undefined : number(value, path))),
    versions: record(text),
  },
);

/**
 * Looks at every field: that it is what `ReportData` says, and the mistakes that would give a wrong picture without a
 * sound, such as percentages for fractions.
 * @throws SitError "bad-option" naming the field
 */
export function checkReportData(data: ReportData): void {
  report(data, "");
}
