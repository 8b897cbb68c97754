import { SitError } from "@sitjs/core/errors";
import type { OpenFile } from "@sitjs/core/node";
import { describe, shortName } from "../torch/describe.js";
import { readPickle } from "../torch/pickle.js";
import type { PickleHost } from "../torch/pickle-value.js";
import { widthOf } from "../torch/tensor.js";
import { mostPickleBytes, type TorchLayout } from "./torch-layout.js";

/** `torch.serialization.MAGIC_NUMBER` and `PROTOCOL_VERSION`. */
const magic = 0x1950a86a20f9469cfc6cn;
const protocol = 1001;

/**
 * The format before PyTorch 1.6: pickles of a magic number, a version, facts of the machine, the checkpoint and the keys
 * of its storages, one after the other, then each storage as its length and its values.
 */
export async function readLegacyLayout(file: OpenFile, path: string): Promise<TorchLayout> {
  const fail = (message: string): never => {
    throw new SitError("bad-file", `${path}: ${message}`);
  };
  const pickle = new Uint8Array(Math.min(file.size, mostPickleBytes));
  await file.read(0, pickle);
  const plain: PickleHost<never> = {
    value: () => undefined,
    call: () => undefined,
    isCallable: () => false,
    persistent: () => fail("expected no storage before the checkpoint"),
  };
  let at = 0;
  const next = () => {
    const { value, end } = readPickle(pickle, { host: plain, source: path, start: at });
    at = end;
    return value;
  };
  if (next() !== magic) fail("expected a file of torch.save, got another pickle");
  const version = next();
  if (version !== protocol) fail(`expected version ${protocol} of the format, got ${describe(version)}`);
  const machine = next();
  const little = machine instanceof Map ? machine.get("little_endian") : undefined;
  if (typeof little !== "boolean") fail("expected the byte order of the machine");
  const places = new Map<string, { begin: number; bytes: number }>();
  return {
    pickle,
    start: at,
    bigEndian: little === false,
    find: ({ key }) => places.get(key) ?? fail(`expected storage ${describe(key)}, got none`),
    async after(end, storages) {
      at = end;
      const keys = next();
      if (!Array.isArray(keys)) return fail(`expected a list of storages, got ${describe(keys)}`);
      const length = new Uint8Array(8);
      let position = at;
      for (const key of keys) {
        const storage = typeof key === "string" ? storages.get(key) : undefined;
        if (storage === undefined || places.has(storage.key)) {
          return fail(`expected each storage of the checkpoint once, got ${describe(key)}`);
        }
        await file.read(position, length);
        // Values in the machine's own byte order, their number always with the lowest byte first.
        const count = new DataView(length.buffer).getBigInt64(0, true);
        if (count !== BigInt(storage.length)) {
          fail(`expected ${storage.length} values of storage ${shortName(storage.key)}, got ${count}`);
        }
        const bytes = storage.length * widthOf(storage.dtype);
        position += 8;
        if (position + bytes > file.size)
          fail(`expected ${bytes} bytes of storage ${shortName(storage.key)}, got fewer`);
        places.set(storage.key, { begin: position, bytes });
        position += bytes;
      }
    },
  };
}
