import { readdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { printable, SitError } from "@sitjs/core/errors";
import { stageFolder } from "@sitjs/core/node";
import type { EmbeddingNotes, EmbeddingRows } from "./embedding-rows.js";
import { NpyWriter } from "./npy.js";

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
 * Writes NumPy arrays and the images' names, all of them or none: a folder, or three files that begin alike.
 * @throws SitError "bad-option" for a folder with other files in it, "disk"; what `rows` throws
 */
export async function writeNumpy(
  out: string,
  rows: AsyncIterable<EmbeddingRows>,
  notes: EmbeddingNotes,
): Promise<void> {
  const single = /\.npy$/i.test(out);
  if (!single) await requireOwnFolder(out);
  const staged = await stageFolder(single ? join(dirname(out), "embeddings") : out);
  try {
    const at = (name: keyof typeof numpyNames) => join(staged.path, numpyNames[name]);
    const embeddings = await NpyWriter.create(at("embeddings"), "<f4");
    const labels = await NpyWriter.create(at("labels"), "<i4");
    const images: { file: string; split: string }[] = [];
    let size = 0;
    try {
      for await (const part of rows) {
        size = part.size;
        await embeddings.append(part.features, part.files.length);
        await labels.append(part.labels, part.files.length);
        for (const file of part.files) images.push({ file, split: part.split });
      }
      await embeddings.finish([size]);
      await labels.finish([]);
    } finally {
      await embeddings.close();
      await labels.close();
    }
    await writeFile(at("images"), `${JSON.stringify({ ...notes, images })}\n`, { flush: true });
    if (!single) return await staged.commit();
    const paths = numpyPaths(out);
    for (const name of ["labels", "images", "embeddings"] as const) await rename(at(name), paths[name]);
    await staged.discard();
  } catch (error) {
    await staged.discard();
    throw error;
  }
}

/** What is there is replaced, so it must be nothing else. */
async function requireOwnFolder(out: string): Promise<void> {
  const own = Object.values<string>(numpyNames);
  const names = await readdir(out).catch(() => []);
  const other = names.find((name) => !own.includes(name));
  if (other === undefined) return;
  const expected = "expected a new folder, or one of embeddings, or a name that ends in .parquet or .npy";
  throw new SitError(
    "bad-option",
    `--out ${printable(out)}: ${expected}, got a folder with ${printable(other)}`,
  );
}
