import { createHash } from "node:crypto";
import {
  disposeParams,
  type Params,
  param,
  SitError,
  safetensorsLayout,
  safetensorsType,
  tensorFromSafetensors,
} from "@sitjs/core";
import { hashFile, openSafetensors, writeFileAtomically } from "@sitjs/core/node";
import type * as tf from "@tensorflow/tfjs";

/** What to know a file again by. */
export interface FileSum {
  readonly bytes: number;
  /** SHA-256, hexadecimal. */
  readonly sha256: string;
}

/**
 * Writes parameters as a safetensors file, one tensor after the other: no more than one is in memory a second time.
 *
 * @throws SitError "disk"
 */
export async function writeParams(path: string, params: Params): Promise<FileSum> {
  const types = Object.entries(params).map(
    ([name, tensor]) => [name, safetensorsType(name, tensor)] as const,
  );
  const { start, order, fileBytes } = safetensorsLayout(Object.fromEntries(types), { format: "pt" });
  const hash = createHash("sha256");
  async function* pieces(): AsyncGenerator<Uint8Array> {
    hash.update(start);
    yield start;
    for (const name of order) {
      const { buffer, byteOffset, byteLength } = await param(params, name).data();
      const bytes = new Uint8Array(buffer, byteOffset, byteLength);
      hash.update(bytes);
      yield bytes;
    }
  }
  await writeFileAtomically(path, pieces());
  return { bytes: fileBytes, sha256: hash.digest("hex") };
}

/**
 * Reads what `writeParams` has written, one tensor after the other; the caller owns them.
 *
 * @throws SitError "missing-file" or "bad-file", also where the file is not the one with this sum
 */
export async function readParams(path: string, sum: FileSum): Promise<Params> {
  let got: string;
  try {
    got = (await hashFile(path, createHash("sha256"))).digest("hex");
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    const message = `${path}: cannot be read (${(cause as Error).message})`;
    throw new SitError(missing ? "missing-file" : "bad-file", message, { cause });
  }
  if (got !== sum.sha256) {
    throw new SitError("bad-file", `${path}: expected SHA-256 ${sum.sha256}, got ${got}: it is damaged`);
  }
  const file = await openSafetensors(path);
  const params: Record<string, tf.Tensor> = {};
  try {
    for (const name of Object.keys(file.tensors)) {
      params[name] = tensorFromSafetensors(await file.read(name), `${path}: ${name}`);
    }
    return params;
  } catch (error) {
    disposeParams(params);
    throw error;
  } finally {
    await file.close();
  }
}
