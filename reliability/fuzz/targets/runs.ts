import type { ReportData } from "@sitjs/eval/report";
import { parseReport } from "../../../apps/sit/src/output/parse-report.js";
import { checkSettings, parseValue } from "../../../apps/sit/src/settings/check.js";
import { definitions, settingNames } from "../../../apps/sit/src/settings/definitions.js";
import { presets } from "../../../apps/sit/src/settings/presets.js";
import type { Settings } from "../../../apps/sit/src/settings/settings.js";
import { type CheckpointInfo, parseCheckpointInfo } from "../../../packages/train/src/node/info.js";
import { mutateBytes } from "../mutate/bytes.js";
import { mutateJson, mutateValue } from "../mutate/json.js";
import { mutateText } from "../mutate/text.js";
import { promise, type Target } from "../target.js";

const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text));
const textOf = (file: Uint8Array) => Buffer.from(file).toString();

const sha256 = "0123456789abcdef".repeat(4);
const info: CheckpointInfo = {
  format: "sitjs-checkpoint-1",
  step: 12,
  totalSteps: 100,
  epoch: 1,
  batch: 2,
  skipped: 0,
  metrics: { loss: 1.5, "loss.contrast": 0.25 },
  learningRate: 1e-3,
  weightDecay: 0.04,
  momentum: 0.996,
  run: {
    method: "sit",
    methodSettings: {},
    backbone: { name: "vit", width: 64, depth: 2, patchSize: 4, channels: 1, imageSize: 28 },
    optimizer: "adamw",
    optimizerSettings: { betas: [0.9, 0.999] },
    parameters: [{ treatment: { weightDecay: 1, learningRate: 1, frozenSteps: "all" }, names: ["a", "b"] }],
    seed: 0,
    precision: "float32",
    batchSize: 64,
    stepsPerEpoch: 10,
    totalSteps: 100,
    learningRate: [0, 1e-3],
    weightDecay: [0.04],
    momentum: [0.996, 1],
  },
  settings: { width: 64, name: "größe" },
  versions: { node: "20.20.0" },
  backend: "tensorflow",
  saved: "2026-01-01T00:00:00.000Z",
  file: { name: "checkpoint.safetensors", bytes: 1000, sha256 },
};

/** The description of a checkpoint; its tensors' file is the target safetensors. */
export const checkpoint: Target<CheckpointInfo> = {
  name: "checkpoint.json",
  corpus: () => [bytesOf(JSON.stringify(info)), bytesOf(JSON.stringify(info, null, 2))],
  mutate: (file, rng, corpus) =>
    rng.chance(0.2)
      ? mutateBytes(file, rng, corpus)
      : bytesOf(mutateJson(textOf(file), rng).slice(0, 2 ** 16)),
  source: "checkpoint.json",
  codes: ["bad-file"],
  parse: (file) => parseCheckpointInfo(file, "checkpoint.json"),
  check({ step, totalSteps, run, file, metrics }) {
    promise(Number.isSafeInteger(step) && step >= 0 && step <= totalSteps, "a step of the run");
    promise(Object.values(metrics).every(Number.isFinite), "metrics that are numbers");
    promise(
      Number.isSafeInteger(run.seed) && run.learningRate.every(Number.isFinite),
      "a run that can go on",
    );
    promise(/^[0-9a-f]{64}$/.test(file.sha256), "a checksum");
  },
};

const picture = { width: 2, height: 1, channels: 1, data: { base64: "AP8=" } };
const reportData = {
  title: "a run",
  seed: 0,
  warnings: ["slow"],
  engine: { name: "wasm", cores: 2, kernels: [] },
  dataset: { name: "photos", images: 10, imageSize: [2, 1, 1], classes: ["a", "b"] },
  pretrain: {
    epochs: 1,
    steps: 2,
    seconds: 3,
    imagesPerSecond: 4,
    history: [{ epoch: 1, parts: { contrast: null } }],
  },
  accuracy: [{ labels: 10, scratch: 0.5, pretrained: 0.75 }],
  knn: { before: 0.25, after: 0.5, k: 20 },
  finetune: [{ labels: 10, start: "scratch", history: [{ epoch: 1, loss: 0.5, accuracy: 0.5 }] }],
  reconstructions: [
    { title: "t", rows: [{ clean: picture, corrupted: picture, mask: picture, reconstruction: picture }] },
  ],
  embeddings: [
    {
      title: "e",
      points: [
        [0, 1, null],
        [1, 0, 1],
      ],
    },
  ],
  timings: [{ name: "all", seconds: 1 }],
  settings: { backbone: { width: 64, names: ["a"] } },
  machine: { cpu: "x", cores: 2 },
  versions: { node: "20" },
};

/** The data of a report that is made again. */
export const reportJson: Target<ReportData> = {
  name: "report.json",
  corpus: () => [bytesOf(JSON.stringify(reportData)), bytesOf(JSON.stringify({ title: "empty" }))],
  mutate: (file, rng, corpus) =>
    rng.chance(0.2)
      ? mutateBytes(file, rng, corpus)
      : bytesOf(mutateJson(textOf(file), rng).slice(0, 2 ** 16)),
  source: "report.json",
  codes: ["bad-file"],
  parse: (file) => parseReport(textOf(file), "report.json"),
  check({ accuracy = [], dataset, pretrain, settings = {} }) {
    promise(
      accuracy.every(({ scratch = 0, pretrained = 0 }) => scratch >= 0 && scratch <= 1 && pretrained <= 1),
      "fractions",
    );
    promise(dataset === undefined || typeof dataset.name === "string", "a name of the data set");
    promise(pretrain === undefined || Array.isArray(pretrain.history), "a history of pretraining");
    promise(typeof settings === "object" && settings !== null, "settings by name");
  },
};

/** Settings of a config file laid over a preset, as a run resolves them. */
export const settings: Target<Settings> = {
  name: "settings",
  corpus: () => Object.values(presets).map((preset) => bytesOf(JSON.stringify(preset))),
  mutate(file, rng) {
    const value = mutateValue(JSON.parse(textOf(file)), rng);
    return bytesOf(JSON.stringify(value) ?? "null");
  },
  source: undefined,
  codes: ["bad-option"],
  parse(file) {
    const all = { ...presets.demo, ...JSON.parse(textOf(file)) } as Settings;
    checkSettings(all);
    return all;
  },
  check(value) {
    promise(
      Object.keys(value).every((name) => settingNames.includes(name as keyof Settings)),
      "known settings alone",
    );
    promise(value.imageSize % value.patchSize === 0 && value.width % value.heads === 0, "sizes that divide");
  },
};

const kinds = settingNames.map((name) => definitions[name].kind);

/** The text of an option of the command line, behind a byte that says which option. */
export const optionText: Target<string | number> = {
  name: "option texts",
  corpus: () =>
    settingNames.map((name, i) => Uint8Array.of(i, ...bytesOf(String(presets["paper-small"][name])))),
  mutate(file, rng) {
    const tokens = ["-", "+", ".", ",", "e", "0x", "Infinity", "NaN", " ", "\0", "1e999", "é", "null"];
    return Uint8Array.of(file[0] as number, ...mutateText(textOf(file.subarray(1)), rng, tokens));
  },
  source: "--option: expected",
  codes: ["bad-option"],
  parse(file) {
    const kind = kinds[file[0] as number] as (typeof kinds)[number];
    return parseValue(kind, textOf(file.subarray(1)), "--option");
  },
  check: (value) => promise(typeof value === "string" || Number.isFinite(value), "a finite number or a text"),
};
