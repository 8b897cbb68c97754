import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseJsonBytes } from "@sitjs/core/json";
import { completeOptions } from "@sitjs/vit";
import { parseHeader, readHeaderLength } from "../../../packages/core/src/safetensors-header.js";
import { formatConfig, type PretrainedConfig, readConfig } from "../../../packages/hub/src/config.js";
import { openRepository } from "../../../packages/hub/src/node/hub-file.js";
import {
  evaluationPreprocessing,
  formatPreprocessing,
  type Preprocessing,
  readPreprocessing,
} from "../../../packages/hub/src/preprocessing.js";
import { readTimmConfig } from "../../../packages/hub/src/timm-folder.js";
import { mutateBytes } from "../mutate/bytes.js";
import { mutateJson } from "../mutate/json.js";
import { mutateText } from "../mutate/text.js";
import { promise, type Target } from "../target.js";

const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text));
const textOf = (file: Uint8Array) => Buffer.from(file).toString();
const fixture = (path: string) => Uint8Array.from(readFileSync(`fixtures/${path}`));

const jsonFile = {
  mutate: (file, rng, corpus) =>
    rng.chance(0.1)
      ? mutateBytes(file, rng, corpus)
      : bytesOf(mutateJson(textOf(file), rng).slice(0, 2 ** 16)),
} as const satisfies Partial<Target>;

function checkNetwork({ backbone, head, labels }: PretrainedConfig): void {
  const { imageSize, patchSize, depth = 0 } = completeOptions(backbone);
  promise((imageSize / patchSize) ** 2 <= 2 ** 16 && depth <= 1024, "a network of a size that can be");
  promise(head === undefined || Number.isSafeInteger(head.classes), "a number of classes");
  promise(
    head === undefined || labels === undefined || labels.length === head.classes,
    "a name for each class",
  );
}

const saved = () => {
  const { backbone } = readConfig(
    parseJsonBytes(fixture("huggingface-vit/config.json"), "fixture"),
    "fixture",
  );
  const networks: PretrainedConfig[] = [
    { backbone, head: { kind: "average-norm", classes: 2 }, labels: ["a", "b"], multiLabel: true },
    { backbone: { ...backbone, layerScale: 0.1 }, head: undefined, labels: undefined, multiLabel: false },
  ];
  return networks.map((network) => bytesOf(JSON.stringify(formatConfig(network))));
};

export const networkConfig: Target<PretrainedConfig> = {
  ...jsonFile,
  name: "config.json",
  corpus: () => [fixture("huggingface-vit/config.json"), ...saved()],
  source: "config.json",
  codes: ["bad-file"],
  parse: (file) => readConfig(parseJsonBytes(file, "config.json"), "config.json"),
  check(config) {
    checkNetwork(config);
    const { backbone, head } = readConfig(formatConfig(config), "again");
    promise(
      backbone.width === config.backbone.width && head?.classes === config.head?.classes,
      "the same again",
    );
  },
};

const timmTensors = () => {
  const file = fixture("timm-folder/model.safetensors");
  const length = readHeaderLength(file, file.length, "timm");
  return parseHeader(file.subarray(8, 8 + length), file.length, "timm").tensors;
};

type Timm = ReturnType<typeof readTimmConfig>;
const tensors = timmTensors();

export const timmConfig: Target<Timm> = {
  ...jsonFile,
  name: "config.json of timm",
  corpus: () => [fixture("timm-folder/config.json")],
  source: "config.json",
  codes: ["bad-file", "bad-parameters"],
  parse: (file) => readTimmConfig(parseJsonBytes(file, "config.json"), tensors, "config.json"),
  check({ config, preprocessing }) {
    checkNetwork(config);
    if (preprocessing !== undefined) checkPreprocessing(preprocessing);
  },
};

function checkPreprocessing({ size, shorterSide = size, mean, std }: Preprocessing): void {
  const whole = (value: number) => Number.isSafeInteger(value) && value > 0;
  promise(whole(size) && whole(shorterSide), "sides of whole numbers");
  promise(
    mean.every(Number.isFinite) && mean.length === std.length && mean.length > 0,
    "as many means as deviations",
  );
  promise(
    std.every((value) => Number.isFinite(value) && value > 0),
    "deviations above 0",
  );
}

const prepared = () => {
  const common = { mean: [0.5], std: [0.25] };
  return [
    evaluationPreprocessing({ size: 224, ...common }),
    { size: 32, ...common, interpolation: "bilinear" } as const,
  ].map((each) => bytesOf(JSON.stringify(formatPreprocessing(each, 1))));
};

export const preprocessorConfig: Target<Preprocessing> = {
  ...jsonFile,
  name: "preprocessor_config.json",
  corpus: () => [fixture("huggingface-vit/preprocessor_config.json"), ...prepared()],
  source: "preprocessor_config.json",
  codes: ["bad-file"],
  parse: (file) =>
    readPreprocessing(parseJsonBytes(file, "preprocessor_config.json"), "preprocessor_config.json"),
  check: checkPreprocessing,
};

const nameTokens = ["/", "..", ".", "\\", "\0", "%2e", "@", ":", "?", "#", " ", "\n", "é", "a", "--"];
const commit = "0123456789abcdef0123456789abcdef01234567";
/** What every cached file holds, and the checksum beside it. */
const content = "{}";
const sum = createHash("sha256").update(content).digest("hex");
const repositories = ["owner/name", "facebook/dino-vits16@refs/pr/1", "a/b@v1.0"];
let cache = "";

/** The parts of `hf:OWNER/NAME@REVISION`, which become paths of the cache; nobody is asked. */
export const repositoryName: Target<unknown> = {
  name: "repository names",
  corpus: () => repositories.map(bytesOf),
  mutate: (file, rng) => mutateText(textOf(file), rng, nameTokens),
  source: undefined,
  codes: ["bad-option", "missing-file"],
  open(scratch) {
    cache = join(scratch, "models");
    for (const repository of repositories) {
      const [name = "", revision = "main"] = repository.split("@");
      const folder = join(cache, "hub", `models--${name.replace("/", "--")}`);
      mkdirSync(join(folder, "snapshots", commit), { recursive: true });
      mkdirSync(dirname(join(folder, "refs", revision)), { recursive: true });
      writeFileSync(join(folder, "refs", revision), commit);
      writeFileSync(join(folder, "snapshots", commit, "config.json"), content);
      mkdirSync(join(folder, "sums", commit), { recursive: true });
      writeFileSync(join(folder, "sums", commit, "config.json"), sum);
    }
  },
  async parse(file) {
    const [name = "", ...revision] = textOf(file).split("@");
    const options = revision.length > 0 ? { revision: revision.join("@") } : {};
    return await openRepository(name, { ...options, offline: true, cache }).file("config.json");
  },
  check: (path) =>
    promise(typeof path === "string" && path.startsWith(join(cache, "hub")), "a file of the cache"),
};
