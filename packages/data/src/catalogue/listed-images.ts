import { resolve } from "node:path";
import { printable, SitError } from "@sitjs/core/errors";
import { annotatedImages } from "../annotated-images.js";
import { createDataset, type ImageDataset } from "../dataset.js";
import { scanFolder } from "../folder-scan.js";
import type { Annotations } from "../formats/annotations/annotations.js";
import { checkFileName } from "../formats/annotations/file-name.js";
import { imageExtensions } from "../image-folder.js";
import { nameProblems } from "../problems.js";
import type { PartRequest } from "./define-entry.js";

/** An image that a list names. */
export interface ListedImage {
  /** Path below the folder of the images. */
  readonly file: string;
  readonly label: number;
  /** The list and the place in it, for messages. */
  readonly where: string;
}

/**
 * The images of a folder that a list names, with their labels, in the list's order. All must be there; they are opened
 * when they are needed, so an unreadable one is found then, and treated as `badImages` of `batches` says.
 * @throws SitError "missing-file" naming the first that is not there, "bad-file" for a name twice or out of the folder
 */
export async function listedImages(
  folder: string,
  images: readonly ListedImage[],
  classes: readonly string[],
  request: PartRequest,
): Promise<ImageDataset> {
  request.requireClasses(classes.length);
  const paths = await requireImages(folder, images, request.signal);
  const { name, channels, shorterSide } = request;
  const storage = { kind: "files", root: resolve(folder), paths, channels, shorterSide } as const;
  const labels = Int32Array.from(images, ({ label }) => label);
  return createDataset({ name, classes, labels, storage });
}

/**
 * The images of a folder with what annotations say of each. All must be there; they too are opened when they are needed.
 * @throws as `annotatedImages`
 */
export async function shownImages(
  folder: string,
  annotations: Annotations,
  { name, channels, shorterSide, signal }: PartRequest,
): Promise<ImageDataset> {
  return await annotatedImages(folder, annotations, {
    name,
    channels,
    verify: "none",
    maximumBadShare: 0,
    ...(shorterSide !== undefined && { shorterSide }),
    ...(signal && { signal }),
  });
}

/** The images' paths below the folder, each of them a file that is there. */
export async function requireImages(
  folder: string,
  images: readonly Pick<ListedImage, "file" | "where">[],
  signal?: AbortSignal,
): Promise<string[]> {
  const paths = images.map(({ file, where }) => checkFileName(file, where));
  if (paths.length === 0)
    throw new SitError("bad-file", `${printable(folder)}: expected images, got none listed`);
  const { files, problems } = await scanFolder(resolve(folder), { extensions: imageExtensions, signal });
  const there = new Set(files);
  const missing = paths.findIndex((path) => !there.has(path));
  if (missing >= 0) {
    const lost = paths.filter((path) => !there.has(path)).length;
    const found = problems.find(({ path }) => path === paths[missing]);
    const got = found ? nameProblems([found]) : lost === 1 ? "none" : `none, nor ${lost - 1} others`;
    const image = `${printable(folder)}/${printable(paths[missing] as string)}`;
    throw new SitError(
      "missing-file",
      `${image}: expected the image of ${images[missing]?.where}, got ${got}`,
    );
  }
  const before = new Set<string>();
  const twice = paths.findIndex((path) => before.size === before.add(path).size);
  if (twice >= 0) {
    const got = `${printable(paths[twice] as string)} again`;
    throw new SitError("bad-file", `${images[twice]?.where}: expected each image once, got ${got}`);
  }
  return paths;
}
