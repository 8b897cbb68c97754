import type { TorchStorage } from "../torch/tensor.js";

/** Where things are in a file, whichever of PyTorch's two formats it has. */
export interface TorchLayout {
  readonly pickle: Uint8Array;
  /** Where the checkpoint's pickle begins in `pickle`. */
  readonly start: number;
  readonly bigEndian: boolean;
  /** Where a storage's bytes are in the file; throws where there are none. */
  find(storage: TorchStorage): { readonly begin: number; readonly bytes: number };
  /** Called when the pickle has been read, with the place after it and the storages it names. */
  after?(end: number, storages: ReadonlyMap<string, TorchStorage>): Promise<void>;
}

/** Larger pickles are refused: those of real checkpoints have a few megabytes. */
export const mostPickleBytes = 2 ** 26;
