import { resolve } from "node:path";
import { printable, requireOption, SitError } from "@sitjs/core/errors";
import { createDataset, type ImageDataset } from "./dataset.js";
import { defaultMaximumPixels } from "./decode.js";
import {
  byCodeUnits,
  type FolderProblem,
  type FolderScan,
  type OtherFiles,
  scanFolder,
} from "./folder-scan.js";
import { unsupportedEndings } from "./image-format.js";
import { nameProblems } from "./problems.js";
import { checkReadableFiles, type ReadableFilesOptions, readableFiles } from "./readable-files.js";

export interface ImageFolderOptions extends ReadableFilesOptions {
  /**
   * "folders": each folder right below is a class; "none": no labels, files at any depth; "auto" (default): classes
   * where there are such folders with images and no image lies beside them, else none.
   */
  readonly classes?: "folders" | "none" | "auto";
  /** The classes in the order of their labels, so that two folders agree; default: those found, sorted by name. */
  readonly classNames?: readonly string[];
  /**
   * Endings of the files to take; case does not matter. Default: those of JPEG, PNG, WebP and GIF; files with the ending
   * of another image format (.heic, .tif, .bmp and the like) are then listed as problems, all others are passed over.
   */
  readonly extensions?: readonly string[];
}

export interface ImageFolderDataset extends ImageDataset {
  /**
   * Images that were left out, then classes without any image (kind "empty-class"), each in order of their paths.
   * `summarizeProblems` counts them.
   */
  readonly problems: readonly FolderProblem[];
  /** Files in the folder whose ending is none of an image; those that begin with a dot do not count. */
  readonly otherFiles: OtherFiles;
}

export const imageExtensions = [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".webp", ".gif"] as const;

/**
 * A folder of images, with a folder for each class or without labels. JPEG, PNG, WebP and GIF (the first frame) by their
 * content, turned as their EXIF data say, transparency laid on white, as 8-bit sRGB or grey. The order depends on names
 * alone. A file with several names, by links, is taken once for each. Names of classes are compared in Unicode's normal
 * form NFC, so that a folder copied from another system keeps its class. Unreadable images are left out and listed in
 * `problems`; a class keeps its label where all of its images are.
 * @throws SitError "missing-file" without the folder, "bad-file" without images in it, or where more than
 * `maximumBadShare` of them are unreadable; the reason of an aborted `signal`.
 */
export async function imageFolder(
  path: string,
  options: ImageFolderOptions = {},
): Promise<ImageFolderDataset> {
  const { channels = 3, extensions = imageExtensions, shorterSide, name = path } = options;
  const { maximumPixels = defaultMaximumPixels, onProblem, signal } = options;
  checkOptions(options);
  const root = resolve(path);
  const unsupported = options.extensions === undefined ? unsupportedEndings : undefined;
  const scan = await scanFolder(root, { extensions, unsupported, signal });
  if (scan.files.length === 0) throw nothingFound(path, scan, extensions);
  const classes = classesOf(path, scan, options);

  const found = await readableFiles({ path, root, files: scan.files, problems: scan.problems }, options);
  const { paths } = found;
  const problems = [...found.leftOut, ...emptyClasses(classes, scan, paths)];
  if (onProblem) for (const problem of problems) onProblem(problem);
  found.requireEnough();

  const labelOf = new Map(classes?.map((className, label) => [className.normalize(), label]));
  const labels =
    classes && Int32Array.from(paths, (file) => labelOf.get(classFolder(file) as string) as number);
  const storage = { kind: "files", root, paths, channels, shorterSide, maximumPixels } as const;
  return { ...createDataset({ name, classes, labels, storage }), problems, otherFiles: scan.otherFiles };
}

function checkOptions(options: ImageFolderOptions): void {
  const { classes = "auto", extensions } = options;
  const kinds = ["folders", "none", "auto"];
  requireOption(kinds.includes(classes), "classes", '"folders", "none" or "auto"', classes);
  const dotted =
    extensions === undefined || (extensions.length > 0 && extensions.every((e) => /^\.[^./\\]+$/.test(e)));
  requireOption(dotted, "extensions", 'endings such as ".png"', extensions);
  checkReadableFiles(options);
}

function nothingFound(path: string, scan: FolderScan, extensions: readonly string[]): SitError {
  const { count } = scan.otherFiles;
  const others = count === 0 ? "no files" : `${count} other files`;
  const { length } = scan.problems;
  const unreachable = length > 0 ? ` and ${length} that cannot be read: ${nameProblems(scan.problems)}` : "";
  return new SitError(
    "bad-file",
    `${printable(path)}: expected images (${extensions.join(", ")}) in it, got ${others}${unreachable}`,
  );
}

function classesOf(path: string, scan: FolderScan, options: ImageFolderOptions) {
  const { classes = "auto", classNames } = options;
  const loose = scan.files.find((file) => classFolder(file) === undefined);
  if (classes === "none" || (classes === "auto" && loose !== undefined && classNames === undefined))
    return undefined;
  if (loose !== undefined) {
    const mend = 'Move it into the folder of its class, or use classes: "none".';
    const message = `${printable(path)}: expected every image in a folder of its class, got ${printable(loose)}`;
    throw new SitError("bad-file", message, { mend });
  }
  // Images that cannot be reached count as well: labels must not depend on what is broken today.
  const filled = new Set([...scan.files, ...scan.problems.map((problem) => problem.path)].map(topFolder));
  const found = [...new Set(scan.folders.map((folder) => folder.normalize()))]
    .filter((folder) => filled.has(folder))
    .sort(byCodeUnits);
  if (classNames === undefined) return found;
  const known = new Set(classNames.map((className) => className.normalize()));
  const unknown = found.find((folder) => !known.has(folder));
  if (unknown !== undefined) {
    const names = classNames.map(printable).join(", ");
    const message = `${printable(path)}: expected folders named ${names}, got ${printable(unknown)}`;
    throw new SitError("bad-file", message);
  }
  return classNames;
}

/** The first folder of a path, or the whole of a path without folders. */
function topFolder(path: string): string {
  return classFolder(path) ?? path.normalize();
}

function classFolder(file: string): string | undefined {
  const slash = file.indexOf("/");
  return slash < 0 ? undefined : file.slice(0, slash).normalize();
}

/** Classes none of whose images is left, and folders that would be a class if they had images. */
function emptyClasses(
  classes: readonly string[] | undefined,
  scan: FolderScan,
  paths: readonly string[],
): FolderProblem[] {
  if (classes === undefined) return [];
  const filled = new Set(paths.map(topFolder));
  const known = new Set(classes.map((className) => className.normalize()));
  const folders = new Set(scan.folders.map((folder) => folder.normalize()));
  const lost = classes.filter((className) => !filled.has(className.normalize()));
  const problems = lost.map((path) => {
    const why = folders.has(path.normalize())
      ? "a class without a readable image"
      : "a class without a folder here";
    return { path, kind: "empty-class", reason: `${why}; its label stays` } as const;
  });
  const unused = [...folders].filter((folder) => !known.has(folder));
  const others = unused.map((path) => {
    return { path, kind: "empty-class", reason: "a folder without images: no class" } as const;
  });
  return [...problems, ...others].sort((a, b) => byCodeUnits(a.path, b.path));
}
