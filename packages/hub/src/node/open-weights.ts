import { openFile, openSafetensors } from "@sitjs/core/node";
import { type ImportedWeights, type ImportOptions, importWeights } from "../weights/import-weights.js";
import type { WeightSource } from "../weights/source.js";
import { type OpenTorchOptions, openTorch } from "./open-torch.js";

/**
 * Opens a file of weights, safetensors or of PyTorch, by what it begins with. `only` is for PyTorch's.
 * @throws SitError "missing-file" or "bad-file"
 */
export async function openWeights(
  path: string,
  options: OpenTorchOptions = {},
): Promise<WeightSource & { close(): Promise<void> }> {
  const file = await openFile(path);
  const first = new Uint8Array(Math.min(2, file.size));
  try {
    await file.read(0, first);
  } finally {
    await file.close();
  }
  // "PK" would be a header of 19 kB, and 0x80 with a protocol's number one of a few hundred bytes: the ninth byte, {, of a
  // safetensors file decides.
  return (await looksTorch(path, first)) ? openTorch(path, options) : openSafetensors(path);
}

async function looksTorch(path: string, first: Uint8Array): Promise<boolean> {
  const zip = first[0] === 0x50 && first[1] === 0x4b;
  const pickle = first[0] === 0x80 && (first[1] as number) >= 2 && (first[1] as number) <= 5;
  if (!zip && !pickle) return false;
  const file = await openFile(path);
  try {
    const start = new Uint8Array(Math.min(9, file.size));
    await file.read(0, start);
    // A safetensors header's length has zeros above it, where a zip archive and a pickle have none.
    return !(start[8] === 0x7b && start[6] === 0 && start[7] === 0);
  } finally {
    await file.close();
  }
}

/** `importWeights` of a file, safetensors or of PyTorch. Throws as it does, and "missing-file" or "bad-file". */
export async function importWeightsFile(
  path: string,
  { only, ...options }: Omit<ImportOptions, "source"> & OpenTorchOptions,
): Promise<ImportedWeights> {
  const weights = await openWeights(path, { only });
  try {
    return await importWeights(weights, { ...options, source: path });
  } finally {
    await weights.close();
  }
}
