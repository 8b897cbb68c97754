import { writeFileAtomically } from "@sitjs/core/node";
import type { EmbeddingNotes, EmbeddingRows } from "./embedding-rows.js";
import { writeNumpy } from "./write-numpy.js";
import { parquetBytes } from "./write-parquet.js";

/**
 * Writes feature vectors as they come, whole or not at all: `x.parquet` with a row for each image; `x.npy` with
 * `x.labels.npy` and `x.json` beside it; or, for any other name, a folder with `embeddings.npy`, `labels.npy` and
 * `images.json`. Of all images only their names are in memory, and of Parquet not even these.
 * @throws SitError "bad-option" for a folder with other files in it, "disk" where it cannot be written; what `rows` throws
 */
export async function writeEmbeddings(
  out: string,
  rows: AsyncIterable<EmbeddingRows>,
  notes: EmbeddingNotes,
): Promise<void> {
  if (!/\.parquet$/i.test(out)) return await writeNumpy(out, rows, notes);
  await writeFileAtomically(out, parquetBytes(rows, notes));
}
