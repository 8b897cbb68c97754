import type { SafetensorsEntry, SafetensorsInfo } from "@sitjs/core";
import { SitError } from "@sitjs/core/errors";
import { type OpenFile, openFile } from "@sitjs/core/node";
import { describe, shortName } from "../torch/describe.js";
import { tensorsByName } from "../torch/names.js";
import { readPickle } from "../torch/pickle.js";
import { type TorchStorage, type TorchTensor, type TorchValue, torchHost, widthOf } from "../torch/tensor.js";
import { bytesOf, entryFrom } from "../torch/values.js";
import type { TorchLayout } from "./torch-layout.js";
import { readLegacyLayout } from "./torch-legacy.js";
import { readZipLayout } from "./torch-zip.js";

/** A PyTorch file whose pickle has been read and whose tensors have not. */
export interface OpenTorch {
  /** Tensors by dotted names, as `model.blocks.0.norm1.weight`. */
  readonly tensors: Readonly<Record<string, Pick<SafetensorsInfo, "dtype" | "shape">>>;
  /** All that was saved: maps, lists, records, numbers and texts, with `TorchTensor`s where tensors are. */
  readonly value: TorchValue;
  /**
   * Reads one tensor, made contiguous.
   * @throws SitError "bad-parameters" for a name that is not there, "bad-file" where the file has changed meanwhile
   */
  read(name: string): Promise<SafetensorsEntry>;
  /** Closes the file. */
  close(): Promise<void>;
}

export interface OpenTorchOptions {
  /**
   * One entry of the dictionary that was saved, as "model" or "state_dict": only it is taken, and what lies beside it may
   * be of classes that are not known. Nothing is made of those.
   */
  readonly only?: string | undefined;
}

/**
 * Opens a `.pth` or `.pt` file as `torch.save` writes it, in the zip format (since PyTorch 1.6) or the older one. Nothing
 * of it is executed: the pickle is read as data, of a closed list of opcodes and names. Allowed are tensors, parameters,
 * plain containers, numbers (NumPy's too), texts, paths and `argparse.Namespace`; everything else is refused by its name.
 * Memory is that of the pickle and of what is read.
 *
 * @throws SitError "missing-file" or "bad-file"
 */
export async function openTorch(path: string, options: OpenTorchOptions = {}): Promise<OpenTorch> {
  const { only } = options;
  const file = await openFile(path);
  try {
    const layout = await layoutOf(file, path);
    const storages = new Map<string, TorchStorage>();
    const host = torchHost(path, (storage) => {
      const before = storages.get(storage.key);
      if (before && (before.dtype !== storage.dtype || before.length !== storage.length)) {
        throw new SitError(
          "bad-file",
          `${path}: expected one storage ${shortName(storage.key)}, got two different ones`,
        );
      }
      storages.set(storage.key, storage);
    });
    const { value: whole, end } = readPickle(layout.pickle, {
      host,
      source: path,
      start: layout.start,
      unknown: only === undefined ? "refuse" : "keep",
    });
    const value = only === undefined ? whole : entryOf(whole, only, path);
    await layout.after?.(end, storages);
    for (const storage of storages.values()) {
      const { bytes } = layout.find(storage);
      const expected = storage.length * widthOf(storage.dtype);
      if (bytes !== expected) {
        throw new SitError(
          "bad-file",
          `${path}: expected ${expected} bytes of storage ${shortName(storage.key)}, got ${bytes}`,
        );
      }
    }
    const tensors = tensorsByName(value, path, end - layout.start);
    return {
      tensors,
      value,
      async read(name) {
        const tensor: TorchTensor | undefined = tensors[name];
        if (tensor === undefined) {
          const some = shownNames(Object.keys(tensors));
          throw new SitError(
            "bad-parameters",
            `${path}: expected a tensor ${shortName(name)}, got only ${some || "none"}`,
          );
        }
        const { begin, end: last } = bytesOf(tensor);
        const bytes = new Uint8Array(last - begin);
        if (bytes.length > 0) await file.read(layout.find(tensor.storage).begin + begin, bytes);
        return entryFrom(tensor, bytes, layout.bigEndian);
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

function entryOf(whole: TorchValue, only: string, path: string): TorchValue {
  const entry = whole instanceof Map ? whole.get(only) : undefined;
  if (entry !== undefined) return new Map<TorchValue, TorchValue>([[only, entry]]);
  const there = whole instanceof Map ? `a dictionary of ${shownNames([...whole.keys()])}` : describe(whole);
  throw new SitError("bad-file", `${path}: expected an entry ${shortName(only)}, got ${there}`);
}

const shownNames = (names: readonly unknown[]): string =>
  names
    .slice(0, 8)
    .map((name) => (typeof name === "string" ? shortName(name) : describe(name)))
    .join(", ") + (names.length > 8 ? `, … (${names.length})` : "");

async function layoutOf(file: OpenFile, path: string): Promise<TorchLayout> {
  const first = new Uint8Array(Math.min(2, file.size));
  await file.read(0, first);
  if (first[0] === 0x50 && first[1] === 0x4b) return readZipLayout(file, path);
  if (first[0] === 0x80) return readLegacyLayout(file, path);
  throw new SitError(
    "bad-file",
    `${path}: expected a file of torch.save, a zip archive or a pickle, got neither`,
  );
}
