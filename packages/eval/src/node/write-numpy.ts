import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { printable, SitError } from "@sitjs/core/errors";
import { stageFolder, writeFilesAtomically } from "@sitjs/core/node";
import type { EmbeddingNotes, EmbeddingRows } from "./embedding-rows.js";
import { NpyWriter, openNpy } from "./npy.js";

/** The files of a folder of embeddings: [images, size], [images], and what the images are. */
export const numpyNames = {
  embeddings: "embeddings.npy",
  labels: "labels.npy",
  images: "images.json",
} as const;

/** Where the three files are: in the folder, or beside `x.npy` as `x.labels.npy` and `x.json`. */
export function numpyPaths(out: string): Record<keyof typeof numpyNames, string> {
  if (!/\.npy$/i.test(out)) {
    const { embeddings, labels, images } = numpyNames;
    return { embeddings: join(out, embeddings), labels: join(out, labels), images: join(out, images) };
  }
  const stem = out.slice(0, -".npy".length);
  return { embeddings: out, labels: `${stem}.labels.npy`, images: `${stem}.json` };
}

/**
 * Writes NumPy arrays and the images' names, all of them or none: a folder, or three files that begin alike. Of those
 * three no reader takes old and new ones for one set: the array of vectors goes first and comes last.
 * @throws SitError "bad-option" where something else has their places, "disk"; what `rows` throws
 */
export async function writeNumpy(
  out: string,
  rows: AsyncIterable<EmbeddingRows>,
  notes: EmbeddingNotes,
): Promise<void> {
  await requireOwnNumpy(out);
  const single = /\.npy$/i.test(out);
  // The three files of one name come together in a folder of their own first: their length is not known before the end.
  const staged = await stageFolder(single ? `${out}.arrays` : out).catch((error: unknown) => {
    throw single ? notWritten(out, (error as Error).cause ?? error) : error;
  });
  try {
    const at = (name: keyof typeof numpyNames) => join(staged.path, numpyNames[name]);
    await writeArrays(out, at, rows, notes);
    if (!single) return await staged.commit();
    const paths = numpyPaths(out);
    const order = ["labels", "images", "embeddings"] as const;
    await writeFilesAtomically(order.map((name) => ({ path: paths[name], from: at(name) })));
    await staged.discard();
  } catch (error) {
    await staged.discard();
    throw error;
  }
}

/** The three files, of which `at` tells the places. */
async function writeArrays(
  out: string,
  at: (name: keyof typeof numpyNames) => string,
  rows: AsyncIterable<EmbeddingRows>,
  notes: EmbeddingNotes,
): Promise<void> {
  const onDisk = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (cause) {
      throw notWritten(out, cause);
    }
  };
  const embeddings = await onDisk(NpyWriter.create(at("embeddings"), "<f4"));
  try {
    const labels = await onDisk(NpyWriter.create(at("labels"), "<i4"));
    try {
      const images: { file: string; split: string }[] = [];
      let size = 0;
      for await (const part of rows) {
        size = part.size;
        await onDisk(embeddings.append(part.features, part.files.length));
        await onDisk(labels.append(part.labels, part.files.length));
        for (const file of part.files) images.push({ file, split: part.split });
      }
      await onDisk(embeddings.finish([size]));
      await onDisk(labels.finish([]));
      const text = `${JSON.stringify({ ...notes, images })}\n`;
      await onDisk(writeFile(at("images"), text, { flush: true }));
    } finally {
      await labels.close();
    }
  } finally {
    await embeddings.close();
  }
}

function notWritten(out: string, cause: unknown): SitError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SitError("disk", `${out}: cannot be written (${reason})`, { cause });
}

/**
 * What is there is replaced, so it must be nothing else than embeddings.
 * @throws SitError "bad-option" naming `--out`
 */
export async function requireOwnNumpy(out: string): Promise<void> {
  const refuse = (got: string) => {
    const expected = "expected a new name, or that of earlier embeddings";
    return new SitError("bad-option", `--out ${printable(out)}: ${expected}, got ${got}`, {
      mend: "Name another one: x.parquet, x.npy, or a folder.",
    });
  };
  const found = await stat(out).catch(() => undefined);
  if (!/\.npy$/i.test(out)) {
    if (found === undefined) return;
    if (!found.isDirectory()) throw refuse("a file of another kind");
    const own = Object.values<string>(numpyNames);
    const other = (await readdir(out)).find((name) => !own.includes(name));
    if (other !== undefined) throw refuse(`a folder with ${printable(other)} in it`);
    return;
  }
  if (found?.isDirectory()) throw refuse("a folder");
  const { labels, images } = numpyPaths(out);
  const alone = found !== undefined && (await stat(images).catch(() => undefined)) === undefined;
  if (alone) throw refuse("an array of something else");
  for (const path of [labels, images]) {
    const there = await stat(path).catch(() => undefined);
    if (there === undefined) continue;
    if (!there.isFile()) throw refuse(`a folder ${printable(path)} beside it`);
    const own = path === images ? await isOurs(path) : await isArray(path);
    if (!own) throw refuse(`something else in ${printable(path)}, which would be replaced`);
  }
}

const isArray = async (path: string) =>
  await openNpy(path, "<i4").then(
    async (file) => {
      await file.close();
      return true;
    },
    () => false,
  );

/** Whether it is what is written beside the arrays. */
async function isOurs(path: string): Promise<boolean> {
  try {
    const { images, about } = JSON.parse(await readFile(path, "utf8"));
    return Array.isArray(images) && typeof about === "object";
  } catch {
    return false;
  }
}
