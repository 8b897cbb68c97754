import { resolve } from "node:path";
import { printable, requireOption, SitError } from "@sitjs/core/errors";
import { createDataset, type ImageDataset } from "./dataset.js";
import { defaultMaximumPixels } from "./decode.js";
import { byCodeUnits, type FolderProblem, type FolderScan, scanFolder } from "./folder-scan.js";
import { unsupportedEndings } from "./image-format.js";
import { nameProblems } from "./problems.js";
import type { Channels } from "./storage.js";
import { verifyFiles } from "./verify-files.js";

export interface ImageFolderOptions {
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
  /** 3 (default): colour, 1: grey. */
  readonly channels?: Channels;
  /** Shrinks larger images while decoding, until the shorter side has this many pixels; saves time on photographs. */
  readonly shorterSide?: number;
  /**
   * Images with more pixels are left out, 1 to 2^30; default 100 million. Each thread that decodes one of that size takes
   * 300 to 800 MB for it; with `shorterSide` at most 440 MB, and next to nothing for JPEGs that are not progressive.
   */
  readonly maximumPixels?: number;
  /** Looks at every file first: all of it (default), its header, or not at all. */
  readonly verify?: "full" | "header" | "none";
  /**
   * The largest share of unreadable images to go on without, 0 to 1; default 0.1. With 0 and `verify: "full"` no image is
   * left out without an error, as a test set wants it.
   */
  readonly maximumBadShare?: number;
  /** Told each entry of `problems`, in order; default: one process warning with the first few. */
  readonly onProblem?: (problem: FolderProblem) => void;
  /** Told how many files have been looked at. */
  readonly onProgress?: (progress: { readonly checked: number; readonly total: number }) => void;
  /** Stops looking at files; the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal;
  /** What the dataset is called in messages; default: the path. */
  readonly name?: string;
}

export interface ImageFolderDataset extends ImageDataset {
  /**
   * Images that were left out, then classes without any image (kind "empty-class"), each in order of their paths.
   * `summarizeProblems` counts them.
   */
  readonly problems: readonly FolderProblem[];
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
  const { channels = 3, verify = "full", extensions = imageExtensions, shorterSide, name = path } = options;
  const { maximumPixels = defaultMaximumPixels, onProblem, onProgress, signal } = options;
  checkOptions(options);
  const root = resolve(path);
  const unsupported = options.extensions === undefined ? unsupportedEndings : undefined;
  const scan = await scanFolder(root, { extensions, unsupported, signal });
  if (scan.files.length === 0) throw nothingFound(path, scan, extensions);
  const classes = classesOf(path, scan, options);

  const unreadable =
    verify === "none"
      ? []
      : await verifyFiles(root, scan.files, { depth: verify, maximumPixels, onProgress, signal });
  const leftOut = [...scan.problems, ...unreadable].sort((a, b) => byCodeUnits(a.path, b.path));
  const excluded = new Set(unreadable.map((problem) => problem.path));
  const paths = scan.files.filter((file) => !excluded.has(file));
  const problems = [...leftOut, ...emptyClasses(classes, scan, paths)];
  if (onProblem) for (const problem of problems) onProblem(problem);
  requireReadable(path, leftOut, scan.files.length + scan.problems.length, options);
  if (leftOut.length > 0 && !onProblem) {
    const count = `${leftOut.length} of ${scan.files.length + scan.problems.length} images left out`;
    const warning = `${printable(path)}: ${count}: ${nameProblems(leftOut)}`;
    process.emitWarning(warning, { code: "SITJS_UNREADABLE_IMAGES" });
  }

  const labelOf = new Map(classes?.map((className, label) => [className.normalize(), label]));
  const labels =
    classes && Int32Array.from(paths, (file) => labelOf.get(classFolder(file) as string) as number);
  const storage = { kind: "files", root, paths, channels, shorterSide, maximumPixels } as const;
  return { ...createDataset({ name, classes, labels, storage }), problems };
}

function checkOptions(options: ImageFolderOptions): void {
  const {
    classes = "auto",
    channels = 3,
    verify = "full",
    extensions,
    shorterSide,
    maximumBadShare = 0.1,
    maximumPixels = defaultMaximumPixels,
  } = options;
  requireOption(
    ["folders", "none", "auto"].includes(classes),
    "classes",
    '"folders", "none" or "auto"',
    classes,
  );
  requireOption(channels === 1 || channels === 3, "channels", "1 or 3", channels);
  requireOption(["full", "header", "none"].includes(verify), "verify", '"full", "header" or "none"', verify);
  const dotted =
    extensions === undefined || (extensions.length > 0 && extensions.every((e) => /^\.[^./\\]+$/.test(e)));
  requireOption(dotted, "extensions", 'endings such as ".png"', extensions);
  const whole = shorterSide === undefined || (Number.isSafeInteger(shorterSide) && shorterSide > 0);
  requireOption(whole, "shorterSide", "a positive whole number of pixels", shorterSide);
  const pixels = Number.isSafeInteger(maximumPixels) && maximumPixels >= 1 && maximumPixels <= 2 ** 30;
  requireOption(pixels, "maximumPixels", "a whole number of pixels from 1 to 2^30", maximumPixels);
  const share = maximumBadShare >= 0 && maximumBadShare <= 1;
  requireOption(share, "maximumBadShare", "a number from 0 to 1", maximumBadShare);
}

function nothingFound(path: string, scan: FolderScan, extensions: readonly string[]): SitError {
  const others = scan.otherFiles === 0 ? "no files" : `${scan.otherFiles} other files`;
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

/** Throws where more images are unreadable than `maximumBadShare` allows, or all of them. */
function requireReadable(
  path: string,
  leftOut: readonly FolderProblem[],
  total: number,
  { maximumBadShare = 0.1 }: ImageFolderOptions,
): void {
  const bad = leftOut.length;
  if (bad / total <= maximumBadShare && bad < total) return;
  const allowed = `at most ${percent(maximumBadShare)} of the images to be unreadable`;
  const expected =
    maximumBadShare === 0
      ? "every image to be readable"
      : bad === total
        ? "at least one readable image"
        : allowed;
  const got = `${bad} of ${total} (${percent(bad / total)}) unreadable`;
  throw new SitError(
    "bad-file",
    `${printable(path)}: expected ${expected} (maximumBadShare ${maximumBadShare}), got ${got}: ${nameProblems(leftOut)}`,
    { mend: "Repair or remove them, or raise maximumBadShare." },
  );
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
