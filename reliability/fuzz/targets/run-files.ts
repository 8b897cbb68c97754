import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { checkAblation } from "../../../apps/sit/src/ablation/check.js";
import type { Ablation } from "../../../apps/sit/src/ablation/definition.js";
import { cutHistory, type History } from "../../../apps/sit/src/run-folder/history.js";
import { parseTrial } from "../../../apps/sit/src/run-folder/parse-trial.js";
import type { TrialRecord } from "../../../apps/sit/src/run-folder/trial-record.js";
import { requireSameTrial } from "../../../apps/sit/src/run-folder/trials.js";
import { presets } from "../../../apps/sit/src/settings/presets.js";
import { fileVersion, summaryEvent } from "../../../packages/train/src/node/tensorboard/event.js";
import { cutEventFiles } from "../../../packages/train/src/node/tensorboard/event-file.js";
import { tfRecord } from "../../../packages/train/src/node/tensorboard/record.js";
import { mutateBytes } from "../mutate/bytes.js";
import { mutateJson, mutateValue } from "../mutate/json.js";
import { mutateText } from "../mutate/text.js";
import { promise, type Target } from "../target.js";

const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text));
const textOf = (file: Uint8Array) => Buffer.from(file).toString();

let folder = "";
const open = (scratch: string) => {
  folder = join(scratch, "run");
  mkdirSync(folder, { recursive: true });
};

const steps = Array.from({ length: 12 }, (_, step) => ({
  ...{
    step,
    epoch: step / 4,
    learningRate: 1e-3,
    imagesPerSecond: 10,
    seconds: step,
    gradientNorm: step % 5 ? 1 : null,
  },
  ...(step === 3 ? { skipped: true, loss: null } : { loss: 1 / (step + 1), "loss.contrast": 0.5 }),
}));
const look = {
  ...{
    kind: "watch",
    step: 4,
    epoch: 1,
    images: 100,
    knn: 0.5,
    deviation: 0.1,
    effectiveRank: 8,
    rank: 16,
    seconds: 1,
  },
  gradientNorm: { mean: 1, largest: 2 },
};
const lines = [...steps.slice(0, 4), look, ...steps.slice(4)].map((line) => JSON.stringify(line));
const lastStep = 10;

/** The history of a run that goes on: what cannot be read is cut off, and the run does it again. */
export const history: Target<History> = {
  name: "history.jsonl",
  takesAll: true,
  corpus: () => [bytesOf(`${lines.join("\n")}\n`), bytesOf(lines.join("\n"))],
  mutate(file, rng, corpus) {
    if (rng.chance(0.2)) return mutateBytes(file, rng, corpus);
    const all = textOf(file).split("\n");
    const at = rng.integer(0, all.length);
    if (rng.chance(0.7) && all[at]) all[at] = mutateJson(all[at] as string, rng).slice(0, 2 ** 16);
    else return mutateText(textOf(file), rng, ["{", "}", "\n", "\0", "null", '"step":', "1e999", "-1", "{}"]);
    return bytesOf(all.join("\n"));
  },
  get source() {
    return join(folder, "history.jsonl");
  },
  codes: ["bad-file"],
  open,
  parse(file) {
    writeFileSync(join(folder, "history.jsonl"), file);
    return cutHistory(folder, lastStep);
  },
  check({ steps, looks }, file) {
    const left = readFileSync(join(folder, "history.jsonl"));
    promise(left.equals(file.subarray(0, left.length)), "a beginning of what there was");
    promise(textOf(left).split("\n").length - 1 === steps.length + looks.length, "a line for each record");
    steps.forEach(({ step, skipped, metrics }, i) => {
      promise(Number.isSafeInteger(step) && step >= 0 && step < lastStep, "steps before the last");
      promise(i === 0 || step > (steps[i - 1]?.step as number), "steps in their order");
      promise(typeof skipped === "boolean", "whether a step was skipped");
      promise(
        Object.values(metrics).every((value) => typeof value === "number"),
        "losses that are numbers",
      );
    });
    promise(
      looks.every(({ step, rank }) => step <= lastStep && Number.isFinite(rank)),
      "looks up to there",
    );
  },
};

const place = { folder: "sit", method: "sit", seed: 3 } as const;
const part = { images: 10, sha256: "0123456789abcdef".repeat(4) };
const trial: TrialRecord = {
  ...place,
  preset: "compare",
  settings: presets.compare,
  labelsPerClass: [1, 10],
  data: { source: "photos", name: "photos", train: part, test: part },
  customParts: ["corruption"],
  date: "2026-01-01T00:00:00.000Z",
  computedBy: "tfjs-node",
  peakMemoryMB: 300,
  seconds: 12.5,
  images: 10,
  testImages: 10,
  result: {
    pretrain: { steps: 4, seconds: 1, imagesPerSecond: 100, epochs: [] },
    knn: 0.5,
    linear: 0.75,
    accuracy: [{ labels: 10, top1: 0.25, seconds: 2 }],
  },
};

export const trialFile: Target<TrialRecord> = {
  name: "trial",
  corpus: () => [bytesOf(JSON.stringify(trial, null, 2))],
  mutate: (file, rng, corpus) =>
    rng.chance(0.1)
      ? mutateBytes(file, rng, corpus)
      : bytesOf(mutateJson(textOf(file), rng).slice(0, 2 ** 16)),
  source: undefined,
  codes: ["bad-file", "bad-option"],
  parse(file) {
    const found = parseTrial(textOf(file), "seed-3.json", place);
    requireSameTrial(found, trial, "runs");
    return found;
  },
  check({ result: { knn, accuracy, pretrain } }) {
    promise(knn >= 0 && accuracy.every(({ top1 }) => top1 <= 1), "fractions");
    promise(pretrain === undefined || Number.isFinite(pretrain.imagesPerSecond), "images a second");
  },
};

const ablation: Ablation = {
  title: "What matters",
  seeds: [0, 1],
  labelsPerClass: [10],
  bankImages: 100,
  axes: [
    {
      ...{ name: "loss", title: "Loss", question: "Which?" },
      variants: [
        { name: "both" },
        { name: "none", pretrained: false },
        { name: "wide", settings: { width: 128 } },
      ],
    },
  ],
  findings: [{ claim: "it helps", source: "we", better: ["loss/both"], worse: ["loss/none"] }],
};

/** What an ablation's file exports, functions left out. */
export const ablationFile: Target<Ablation> = {
  name: "ablation",
  corpus: () => [bytesOf(JSON.stringify(ablation))],
  mutate: (file, rng) => bytesOf(JSON.stringify(mutateValue(JSON.parse(textOf(file)), rng)) ?? "null"),
  source: "ablation",
  codes: ["bad-option"],
  parse(file) {
    // A module's default export is an object; what is none is refused before.
    const value = JSON.parse(textOf(file));
    const found = (typeof value === "object" && value !== null ? value : {}) as Ablation;
    checkAblation(found);
    return found;
  },
  check({ axes, findings, seeds }) {
    const names = axes.flatMap(({ name, variants }) => variants.map((variant) => `${name}/${variant.name}`));
    promise(new Set(names).size === names.length, "variants of different names");
    promise(
      (findings ?? []).every(({ better, worse }) =>
        [...better, ...worse].every((each) => names.includes(each)),
      ),
      "known",
    );
    promise((seeds ?? []).every(Number.isSafeInteger), "seeds that are whole numbers");
  },
};

const events = () =>
  Uint8Array.from(
    Buffer.concat([
      tfRecord(fileVersion(1)),
      ...[1, 2, 5].map((step) => tfRecord(summaryEvent(1, step, { scalars: { loss: step } }))),
    ]),
  );
const eventName = "events.out.tfevents.0000000001.0000";

/** TensorBoard's event files of a run that goes on. */
export const eventFile: Target<undefined> = {
  name: "tensorboard events",
  takesAll: true,
  corpus: () => [events()],
  mutate: mutateBytes,
  source: undefined,
  codes: [],
  open,
  async parse(file) {
    writeFileSync(join(folder, eventName), file);
    await cutEventFiles(folder, 2);
    return undefined;
  },
  check(_, file) {
    const path = join(folder, eventName);
    const left = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
    promise(left.equals(file.subarray(0, left.length)), "a beginning of what there was");
  },
  share: 0.25,
};
