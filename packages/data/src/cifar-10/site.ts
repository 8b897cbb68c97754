import { readFile, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { downloadFile, extractArchive } from "@sitjs/core/node";
import { withScratch } from "../cache.js";
import { type Download, downloadPatience } from "../sources/first-answer.js";
import { requireContent } from "../sources/pinned-file.js";
import { type Cifar10Pins, cifar10Name, type Keep } from "./files.js";

/** The archive's folder with the files. */
export const folderInArchive = "cifar-10-batches-bin";

/** What is unpacked of it: 184 MB of images, and two small files. More is no CIFAR-10. */
const maximumBytes = 200_000_000;

/**
 * Downloads the archive to `folder`, where the next try finds what this one has got, and hands each file to `keep`,
 * checked; then the archive goes.
 * @throws SitError "network" where the site does not answer, "bad-file" where it sends something else, "disk"
 */
export async function fetchFromSite(
  { files, archive }: Cifar10Pins,
  folder: string,
  onProgress: (progress: Download) => void,
  keep: Keep,
): Promise<void> {
  const file = basename(archive.url);
  const to = join(folder, file);
  const progress = (now: Omit<Download, "file">) => onProgress({ file, ...now });
  await downloadFile({ ...archive, ...downloadPatience, to, onProgress: progress });
  const pinned = [...files.train, ...files.test];
  const paths = new Set(pinned.map(({ name }) => `${folderInArchive}/${name}`));
  try {
    await withScratch(async (scratch) => {
      const unpacked = join(scratch, "unpacked");
      const written = await extractArchive({
        file: to,
        to: unpacked,
        maximumBytes,
        wanted: (path) => paths.has(path),
      });
      if (written.length !== paths.size) {
        const expected = [...paths].filter((path) => !written.includes(path)).join(", ");
        throw new SitError("bad-file", `${archive.url}: expected ${expected} in it, got none`);
      }
      for (const one of pinned) {
        const content = await readFile(join(unpacked, folderInArchive, one.name));
        requireContent(content, one, archive.url, cifar10Name);
        await keep(one, content);
      }
    });
  } catch (error) {
    // A full disk is no reason to download it again.
    if (!(SitError.isInstance(error) && error.code === "disk")) await rm(to, { force: true });
    throw error;
  }
  await rm(to, { force: true });
}
