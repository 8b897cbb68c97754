import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { downloadFile } from "@sitjs/core/node";
import { uncompress } from "../idx-dataset.js";
import { type Download, downloadPatience } from "../sources/first-answer.js";
import type { PinnedFile } from "../sources/pinned-file.js";
import {
  type FashionMnistSplit,
  officialFiles,
  requireChecksum,
  type SplitBytes,
  type SplitFiles,
} from "./files.js";

/** The authors' repository. Their own site serves the same files, but over plain HTTP only. */
export const siteAddress =
  "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion";

/** The compressed files, with the MD5 sums of the authors' README, which gives no better ones. */
const packedFiles: Record<string, { readonly bytes: number; readonly md5: string }> = {
  "train-images-idx3-ubyte": { bytes: 26_421_880, md5: "8d4fb7e6c68d591d4c3dfef9ec88bf0d" },
  "train-labels-idx1-ubyte": { bytes: 29_515, md5: "25c81989df183df01b3e8a0aad5dffbe" },
  "t10k-images-idx3-ubyte": { bytes: 4_422_102, md5: "bef4ecab320f06d8554ea6380940ec79" },
  "t10k-labels-idx1-ubyte": { bytes: 5148, md5: "bb300cfdad3c16e7a12a480ee83cd310" },
};

/** The compressed files as the repository has them. */
export const siteFiles = Object.entries(packedFiles).map(([name, facts]) => {
  return { name: `${name}.gz`, url: `${siteAddress}/${name}.gz`, ...facts };
});

/** Compressed size of the four files in bytes, for notices. */
export const siteBytes = Object.values(packedFiles).reduce((sum, { bytes }) => sum + bytes, 0);

/**
 * Downloads both splits from the official repository and checks the sums. Both at once: a training set from here and
 * a test set from another source could have images in common. The compressed files go to `folder`, where the next
 * download finds what this one has got, and stay there until `removeDownloads`.
 * @throws SitError "network" where the site does not answer, "bad-file" where it sends something else, "disk".
 */
export async function downloadFromSite(
  folder: string,
  onProgress: (progress: Download) => void,
): Promise<Record<FashionMnistSplit, SplitBytes>> {
  // The smallest file first: it shows whether the site is there.
  const test = await downloadSplit(officialFiles.test, folder, onProgress);
  return { test, train: await downloadSplit(officialFiles.train, folder, onProgress) };
}

/** Removes the compressed files, once their content is kept. */
export async function removeDownloads(folder: string): Promise<void> {
  for (const name of Object.keys(packedFiles)) await rm(packedPath(folder, name), { force: true });
}

async function downloadSplit(
  files: SplitFiles,
  folder: string,
  onProgress: (progress: Download) => void,
): Promise<SplitBytes> {
  const labels = await downloadPinned(files.labels, folder, onProgress);
  return { images: await downloadPinned(files.images, folder, onProgress), labels };
}

async function downloadPinned(
  pinned: PinnedFile,
  folder: string,
  onProgress: (progress: Download) => void,
): Promise<Uint8Array> {
  const file = `${pinned.name}.gz`;
  const url = `${siteAddress}/${file}`;
  const to = packedPath(folder, pinned.name);
  await downloadFile({
    ...packedFiles[pinned.name],
    url,
    to,
    ...downloadPatience,
    onProgress: (progress) => onProgress({ file, ...progress }),
  });
  try {
    const content = await uncompress(await readFile(to), url);
    requireChecksum(content, pinned, url);
    return content;
  } catch (error) {
    await rm(to, { force: true });
    throw error;
  }
}

function packedPath(folder: string, name: string): string {
  return join(folder, `${name}.gz`);
}
