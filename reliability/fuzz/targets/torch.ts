import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RandomStream } from "@sitjs/core/random";
import type { SafetensorsEntry } from "../../../packages/core/src/safetensors.js";
// By path: the package's entry would load tfjs.
import { openTorch } from "../../../packages/hub/src/node/open-torch.js";
import { readPickle } from "../../../packages/hub/src/torch/pickle.js";
import { torchHost } from "../../../packages/hub/src/torch/tensor.js";
import { mutateBytes } from "../mutate/bytes.js";
import { promise, type Target } from "../target.js";

const fixture = (name: string) => Uint8Array.from(readFileSync(`fixtures/torch/${name}.pth`));

/** The pickle of a zip archive of torch.save, its first entry: 64-byte aligned, as PyTorch pads it. */
function pickleOf(file: Uint8Array): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset);
  const start = 30 + view.getUint16(26, true) + view.getUint16(28, true);
  const host = torchHost("fixture", () => undefined);
  const { end } = readPickle(file, { host, source: "fixture", start, unknown: "keep" });
  return file.slice(start, end);
}

let path = "";

const opened = {
  mutate: mutateBytes,
  share: 0.4,
  codes: ["bad-file"],
  get source() {
    return path;
  },
  open(scratch: string) {
    mkdirSync(scratch, { recursive: true });
    path = join(scratch, "some.pth");
  },
  async parse(bytes: Uint8Array) {
    writeFileSync(path, bytes);
    const file = await openTorch(path);
    try {
      const tensors: SafetensorsEntry[] = [];
      for (const name of Object.keys(file.tensors)) tensors.push(await file.read(name));
      return tensors;
    } finally {
      await file.close();
    }
  },
  check(tensors: readonly SafetensorsEntry[]) {
    for (const { shape, data } of tensors) {
      const count = shape.reduce((product, side) => product * side, 1);
      promise(data.length === count, "as many values as the shape says");
    }
  },
} as const;

/** Zip archives; their entries' names, offsets and lengths are among what is changed. */
export const torch: Target<readonly SafetensorsEntry[]> = {
  ...opened,
  name: "torch zip",
  get source() {
    return path;
  },
  corpus: () => ["dtypes", "views", "checkpoint", "training"].map(fixture),
};

export const torchLegacy: Target<readonly SafetensorsEntry[]> = {
  ...opened,
  name: "torch legacy",
  get source() {
    return path;
  },
  corpus: () => ["checkpoint-legacy", "training-legacy"].map(fixture),
};

const source = "some.pkl";

/** The pickles alone, where every change meets the reader of opcodes. */
const pickles = (name: string, unknown: "refuse" | "keep", files: readonly string[]): Target => ({
  name,
  source,
  codes: ["bad-file"],
  corpus: () => files.map((file) => pickleOf(fixture(file))),
  mutate: (file: Uint8Array, rng: RandomStream, all) => mutateBytes(file, rng, all),
  parse: (file) => readPickle(file, { host: torchHost(source, () => undefined), source, unknown }).value,
  check: (value) => promise(value !== undefined, "a value"),
});

export const pickle = pickles("pickle", "refuse", ["dtypes", "views", "checkpoint", "training"]);

/** As where one entry of a checkpoint is asked for: what is not known stays in the place of what it would make. */
export const keptPickle = pickles("pickle kept", "keep", ["training", "training-unknown"]);
