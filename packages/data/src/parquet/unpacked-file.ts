import { createHash } from "node:crypto";
import { open, readFile, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { stageFolder, writeFileAtomically } from "@sitjs/core/node";
import { datasetCache } from "../cache.js";
import type { FolderProblem } from "../folder-scan.js";
import { reason } from "../image-error.js";
import type { Unpacked } from "./unpack.js";

/** Small images are written together, so many bytes at a time. */
const BLOCK = 2 ** 22;

/** Counts what is written here: another number, another layout. */
const LAYOUT = 2;

/** Tables unpacked to a file of the cache, which is made once for their content. */
export interface UnpackedFile extends Unpacked {
  /** The file with the images' bytes. */
  readonly file: string;
}

/**
 * The images of tables in one file of the cache (`datasets/parquet`): that of an earlier time where paths, sizes, times and
 * columns are the same, else `unpack` makes it. Complete or not there.
 * @throws SitError "disk" where it cannot be written; what `unpack` throws
 */
export async function unpackedFile(
  options: { readonly paths: readonly string[]; readonly columns: unknown; readonly cacheDir?: string },
  unpack: (write: (bytes: Uint8Array) => Promise<void>) => Promise<Unpacked>,
): Promise<UnpackedFile> {
  const { paths, columns, cacheDir } = options;
  const tables = await Promise.all(
    paths.map(async (path) => {
      const { size, mtimeMs } = await stat(path);
      return [await realpath(path), size, mtimeMs];
    }),
  );
  const key = createHash("sha256").update(JSON.stringify({ LAYOUT, tables, columns })).digest("hex");
  const folder = join(datasetCache(cacheDir), "parquet", key.slice(0, 32));
  const file = join(folder, "images");
  const index = join(folder, "index.json");
  const earlier = await readFile(index, "utf8").catch(() => undefined);
  const { size } = (await stat(file).catch(() => undefined)) ?? { size: 0 };
  const known = earlier === undefined ? undefined : parseIndex(earlier, size);
  if (known !== undefined) return { ...known, file };

  const staged = await stageFolder(folder);
  try {
    const unpacked = await writeBlocks(join(staged.path, "images"), unpack);
    // Numbers of 64 bits are labels here, and small.
    const text = JSON.stringify(unpacked, (_, value) => (typeof value === "bigint" ? Number(value) : value));
    await writeFileAtomically(join(staged.path, "index.json"), text);
    await staged.commit();
    return { ...unpacked, file };
  } catch (error) {
    await staged.discard();
    throw error;
  }
}

/** What was written beside the images; undefined where it is damaged, and the tables are unpacked again. */
export function parseIndex(text: string, bytes: number): Unpacked | undefined {
  let found: Partial<Record<keyof Unpacked, unknown>> | null;
  try {
    found = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { names, ranges, labels, problems, problemLabels } = found ?? {};
  const count = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
  if (!Array.isArray(names) || !names.every((name) => typeof name === "string")) return undefined;
  if (!Array.isArray(ranges) || !ranges.every(count) || ranges.length !== 2 * names.length) return undefined;
  for (let i = 0; i < ranges.length; i += 2) if (ranges[i] + ranges[i + 1] > bytes) return undefined;
  const plain = (label: unknown) => label === null || ["string", "number"].includes(typeof label);
  const areLabels = (given: unknown, of: readonly unknown[]): given is unknown[] =>
    Array.isArray(given) && given.length === of.length && given.every(plain);
  if (!areLabels(labels, names)) return undefined;
  const isProblem = (problem: Partial<FolderProblem> | null) =>
    [problem?.path, problem?.kind, problem?.reason].every((part) => typeof part === "string");
  if (!Array.isArray(problems) || !problems.every(isProblem)) return undefined;
  if (!areLabels(problemLabels, problems)) return undefined;
  return { names, ranges, labels, problems, problemLabels };
}

async function writeBlocks(
  path: string,
  unpack: (write: (bytes: Uint8Array) => Promise<void>) => Promise<Unpacked>,
): Promise<Unpacked> {
  const onDisk = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (cause) {
      const mend = "Free some space there, or set SITJS_CACHE to a folder that can be written.";
      throw new SitError("disk", `${path}: cannot be written (${reason(cause)})`, { mend, cause });
    }
  };
  const handle = await onDisk(open(path, "w"));
  try {
    let block: Uint8Array[] = [];
    let size = 0;
    const flush = async () => {
      await onDisk(handle.writeFile(Buffer.concat(block, size)));
      block = [];
      size = 0;
    };
    const unpacked = await unpack(async (bytes) => {
      block.push(bytes);
      size += bytes.length;
      if (size >= BLOCK) await flush();
    });
    await flush();
    await onDisk(handle.sync());
    return unpacked;
  } finally {
    await handle.close();
  }
}
