import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type OpenSafetensors, openSafetensors } from "@sitjs/core/node";
import type { RandomStream } from "@sitjs/core/random";
// By path: the package's entry would load tfjs.
import {
  readSafetensors,
  type SafetensorsEntry,
  type SafetensorsFile,
  writeSafetensors,
} from "../../../packages/core/src/safetensors.js";
import { maximumBytes, mutateBytes } from "../mutate/bytes.js";
import { mutateJson } from "../mutate/json.js";
import { promise, type Target } from "../target.js";

const source = "some.safetensors";

function corpus(): Uint8Array[] {
  const file: SafetensorsFile = {
    tensors: {
      "head.weight": { dtype: "F32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
      "head.bias": { dtype: "BF16", shape: [3], data: Uint16Array.of(1, 2, 3) },
      empty: { dtype: "F64", shape: [0, 2], data: new Float64Array(0) },
      count: { dtype: "I64", shape: [], data: BigInt64Array.of(-1n) },
    },
    metadata: { format: "pt", step: "12" },
  };
  const python = ["every-type", "bfloat16"].map((name) =>
    readFileSync(`fixtures/safetensors/${name}.safetensors`),
  );
  return [
    writeSafetensors(file),
    writeSafetensors({ tensors: {}, metadata: {} }),
    ...python.map((each) => Uint8Array.from(each)),
  ];
}

/** Half of the files have a changed header of the right length; the others any bytes changed. */
function mutate(file: Uint8Array, rng: RandomStream, files: readonly Uint8Array[]): Uint8Array {
  if (rng.chance(0.5)) return mutateBytes(file, rng, files);
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const header = mutateJson(new TextDecoder().decode(file.subarray(8, 8 + length)), rng);
  const text = new TextEncoder().encode(header).subarray(0, maximumBytes);
  const first = new Uint8Array(8);
  new DataView(first.buffer).setBigUint64(0, BigInt(text.length), true);
  const changed = Uint8Array.from(Buffer.concat([first, text, file.subarray(8 + length)]));
  return rng.chance(0.2) ? mutateBytes(changed, rng, files) : changed;
}

function checkEntry({ shape, data }: SafetensorsEntry): void {
  promise(
    data.length === shape.reduce((product, side) => product * side, 1),
    "as many values as the shape says",
  );
}

const common = { corpus, mutate, codes: ["bad-file"] } as const;

export const safetensors: Target<SafetensorsFile> = {
  ...common,
  name: "safetensors",
  source,
  parse: (file) => readSafetensors(file, source),
  check(value, file) {
    let bytes = 0;
    for (const entry of Object.values(value.tensors)) {
      checkEntry(entry);
      bytes += entry.data.byteLength;
    }
    promise(bytes <= file.length - 10, "no more data than the file has");
    const again = readSafetensors(writeSafetensors(value));
    promise(isDeepStrictEqual(again.metadata, value.metadata), "the same metadata when it is written again");
    for (const [name, entry] of Object.entries(value.tensors)) {
      promise(isDeepStrictEqual(again.tensors[name], entry), "the same tensors when they are written again");
    }
  },
};

let path = "";

/** The same file opened from the disk, with each tensor read. */
export const lazySafetensors: Target<SafetensorsFile["tensors"]> = {
  ...common,
  name: "safetensors, opened",
  share: 0.5,
  get source() {
    return path;
  },
  open(scratch) {
    mkdirSync(scratch, { recursive: true });
    path = join(scratch, "opened.safetensors");
  },
  async parse(bytes) {
    writeFileSync(path, bytes);
    const file: OpenSafetensors = await openSafetensors(path);
    try {
      const tensors: Record<string, SafetensorsEntry> = Object.create(null);
      for (const name of Object.keys(file.tensors)) tensors[name] = await file.read(name);
      return tensors;
    } finally {
      await file.close();
    }
  },
  check(tensors, file) {
    promise(isDeepStrictEqual(tensors, readSafetensors(file).tensors), "the tensors that the whole file has");
  },
};
