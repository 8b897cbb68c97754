import { readFile, stat } from "node:fs/promises";
import { printable, SitError } from "@sitjs/core/errors";
import type { LabelledFeatures } from "../labelled-features.js";
import { openNpy } from "./npy.js";
import { numpyPaths } from "./write-numpy.js";

/** Vectors of a file, with what they are of. */
export interface SavedEmbeddings extends LabelledFeatures {
  readonly files: readonly string[];
  /** Names of the classes by label, where the file has them. */
  readonly classes: readonly string[] | undefined;
  /** How many rows the file has, of which these are some. */
  readonly total: number;
}

/**
 * Reads rows of what `writeEmbeddings` has written, or of a Parquet file with a column `embedding` of lists of numbers.
 * @param choose the rows that are wanted, of so many
 * @throws SitError "missing-file" or "bad-file" naming the file
 */
export async function readEmbeddings(
  path: string,
  choose: (total: number) => ArrayLike<number>,
): Promise<SavedEmbeddings> {
  if ((await stat(path).catch(() => undefined)) === undefined)
    throw new SitError("missing-file", `${printable(path)}: expected embeddings, got nothing there`);
  if (!/\.parquet$/i.test(path)) return await readNumpy(path, choose);
  try {
    return await readParquet(path, choose);
  } catch (cause) {
    if (SitError.isInstance(cause)) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SitError(
      "bad-file",
      `${printable(path)}: expected a Parquet file of embeddings, got: ${reason}`,
      {
        cause,
      },
    );
  }
}

async function readParquet(
  path: string,
  choose: (total: number) => ArrayLike<number>,
): Promise<SavedEmbeddings> {
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await import("hyparquet");
  const { compressors } = await import("hyparquet-compressors");
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file, { geoparquet: false });
  const total = Number(metadata.num_rows);
  const chosen = choose(total);
  const place = new Map(Array.from(chosen, (row, i) => [row, i]));
  const names = metadata.schema.map(({ name }) => name);
  if (!names.includes("embedding")) throw new Error("no column embedding");
  const columns = ["file", "label", "class", "embedding"].filter((name) => names.includes(name));
  const files = new Array<string>(chosen.length).fill("");
  const labels = new Int32Array(chosen.length).fill(-1);
  const classes: string[] = [];
  let features = new Float32Array(0);
  let size = 0;
  let first = 0;
  for (const { num_rows } of metadata.row_groups) {
    const rowEnd = first + Number(num_rows);
    const rows = await parquetReadObjects({ file, metadata, columns, rowStart: first, rowEnd, compressors });
    for (const [i, row] of rows.entries()) {
      const to = place.get(first + i);
      if (to === undefined) continue;
      const vector = row.embedding as ArrayLike<number> | null;
      if (!vector || !(vector.length > 0)) throw new Error(`no vector in row ${first + i}`);
      if (size === 0) {
        size = vector.length;
        features = new Float32Array(size * chosen.length);
      }
      if (vector.length !== size)
        throw new Error(`${vector.length} numbers in row ${first + i} instead of ${size}`);
      features.set(vector, to * size);
      files[to] = String(row.file ?? first + i);
      const label = row.label === null || row.label === undefined ? -1 : Number(row.label);
      labels[to] = label;
      if (label >= 0) classes[label] = String(row.class ?? label);
    }
    first = rowEnd;
  }
  const noted = metadata.key_value_metadata?.find(({ key }) => key === "classes")?.value;
  const own =
    noted === undefined ? Array.from(classes, (name, label) => name ?? String(label)) : JSON.parse(noted);
  return { features, size, labels, files, classes: own.length > 0 ? own : undefined, total };
}

async function readNumpy(
  path: string,
  choose: (total: number) => ArrayLike<number>,
): Promise<SavedEmbeddings> {
  const paths = numpyPaths(path);
  const embeddings = await openNpy(paths.embeddings, "<f4");
  try {
    const [total, size] = embeddings.shape as [number, number];
    if (embeddings.shape.length !== 2 || size === 0) {
      const got = `the shape ${embeddings.shape.join(" x ")}`;
      throw new SitError("bad-file", `${printable(paths.embeddings)}: expected rows of vectors, got ${got}`);
    }
    const chosen = choose(total);
    const features = new Float32Array((await embeddings.rows(chosen)).buffer);
    // An array of another program has no names and labels beside it.
    const text = await readFile(paths.images, "utf8").catch(() => undefined);
    const names = text === undefined ? undefined : parseImages(paths.images, text, total);
    const files = Array.from(chosen, (row) => names?.images[row]?.file ?? String(row));
    if (text === undefined) {
      const labels = new Int32Array(chosen.length).fill(-1);
      return { features, size, labels, files, classes: undefined, total };
    }
    const saved = await openNpy(paths.labels, "<i4");
    try {
      if (saved.shape.length !== 1 || saved.shape[0] !== total) {
        const got = `the shape ${saved.shape.join(" x ")}`;
        throw new SitError("bad-file", `${printable(paths.labels)}: expected ${total} labels, got ${got}`);
      }
      const labels = new Int32Array((await saved.rows(chosen)).buffer);
      return { features, size, labels, files, classes: names?.classes, total };
    } finally {
      await saved.close();
    }
  } finally {
    await embeddings.close();
  }
}

function parseImages(
  path: string,
  text: string,
  total: number,
): { images: { file: string }[]; classes?: string[] } {
  try {
    const parsed = JSON.parse(text);
    if (Array.isArray(parsed.images) && parsed.images.length === total) return parsed;
  } catch {
    // Said below.
  }
  throw new SitError(
    "bad-file",
    `${printable(path)}: expected the names of ${total} images, got something else`,
  );
}
