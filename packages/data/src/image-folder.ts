import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { requireOption, SitError } from "@sitjs/core/errors";
import { createDataset, type ImageDataset } from "./dataset.js";
import { reason, verifyFile } from "./decode.js";
import { byCodeUnits, type FolderProblem, type FolderScan, scanFolder } from "./folder-scan.js";
import type { Channels } from "./storage.js";

export interface ImageFolderOptions {
  /**
   * "folders": each folder right below is a class; "none": no labels, files at any depth; "auto" (default): classes
   * where there are such folders with images and no image lies beside them, else none.
   */
  readonly classes?: "folders" | "none" | "auto";
  /** The classes in the order of their labels, so that two folders agree; default: those found, sorted by name. */
  readonly classNames?: readonly string[];
  /** Endings of the files to take; default .jpg, .jpeg, .png, .webp, .gif. Case does not matter. */
  readonly extensions?: readonly string[];
  /** 3 (default): colour, 1: grey. */
  readonly channels?: Channels;
  /** Shrinks larger images while decoding, until the shorter side has this many pixels; saves time on photographs. */
  readonly shorterSide?: number;
  /** Looks at every file first: all of it (default), its header, or not at all. */
  readonly verify?: "full" | "header" | "none";
  /** The largest share of unreadable images to go on without, 0 to 1; default 0.1. */
  readonly maximumBadShare?: number;
  /** Told each image that is left out, and each class folder without images; default: one process warning. */
  readonly onProblem?: (problem: FolderProblem) => void;
  /** Told how many files have been looked at. */
  readonly onProgress?: (progress: { readonly checked: number; readonly total: number }) => void;
  /** What the dataset is called in messages; default: the path. */
  readonly name?: string;
}

export interface ImageFolderDataset extends ImageDataset {
  /** Images that were left out, in order. */
  readonly problems: readonly FolderProblem[];
}

export const imageExtensions = [".jpg", ".jpeg", ".png", ".webp", ".gif"] as const;

/**
 * A folder of images, with a folder for each class or without labels. JPEG, PNG, WebP and GIF (the first frame),
 * turned as their EXIF data say, transparency laid on white, as 8-bit sRGB or grey. The order depends on names alone.
 * Unreadable images are left out and listed in `problems`.
 * @throws SitError "missing-file" without the folder, "bad-file" without images in it, or where more than
 * `maximumBadShare` of them are unreadable.
 */
export async function imageFolder(
  path: string,
  options: ImageFolderOptions = {},
): Promise<ImageFolderDataset> {
  const { channels = 3, verify = "full", extensions = imageExtensions, shorterSide, name = path } = options;
  checkOptions(options);
  const root = resolve(path);
  const scan = await scanFolder(root, extensions);
  if (scan.files.length === 0) throw nothingFound(path, scan, extensions);
  const classes = classesOf(path, scan, options);

  const unreadable = verify === "none" ? [] : await verifyAll(root, scan.files, verify, options.onProgress);
  const problems = [...scan.problems, ...unreadable].sort((a, b) => byCodeUnits(a.path, b.path));
  report(path, scan, problems, options);

  const excluded = new Set(unreadable.map((problem) => problem.path));
  const paths = scan.files.filter((file) => !excluded.has(file));
  const labelOf = new Map(classes?.map((className, label) => [className, label]));
  const labels =
    classes && Int32Array.from(paths, (file) => labelOf.get(classFolder(file) as string) as number);
  const storage = { kind: "files", root, paths, channels, shorterSide } as const;
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
  const share = maximumBadShare >= 0 && maximumBadShare <= 1;
  requireOption(share, "maximumBadShare", "a number from 0 to 1", maximumBadShare);
}

function nothingFound(path: string, scan: FolderScan, extensions: readonly string[]): SitError {
  const others = scan.otherFiles === 0 ? "no files" : `${scan.otherFiles} other files`;
  const lost = scan.problems[0];
  const unreachable = lost ? ` and ${scan.problems.length} unreachable (${lost.path}: ${lost.reason})` : "";
  return new SitError(
    "bad-file",
    `${path}: expected images (${extensions.join(", ")}) in it, got ${others}${unreachable}`,
  );
}

function classesOf(path: string, { files, folders }: FolderScan, options: ImageFolderOptions) {
  const { classes = "auto", classNames } = options;
  const loose = files.find((file) => classFolder(file) === undefined);
  if (classes === "none" || (classes === "auto" && loose !== undefined && classNames === undefined))
    return undefined;
  if (loose !== undefined) {
    const mend = 'Move it into the folder of its class, or use classes: "none".';
    throw new SitError("bad-file", `${path}: expected every image in a folder of its class, got ${loose}`, {
      mend,
    });
  }
  const filled = new Set(files.map(classFolder));
  const found = folders.filter((folder) => filled.has(folder));
  if (classNames === undefined) return found;
  const unknown = found.find((folder) => !classNames.includes(folder));
  if (unknown !== undefined) {
    throw new SitError(
      "bad-file",
      `${path}: expected folders named ${classNames.join(", ")}, got ${unknown}`,
    );
  }
  return classNames;
}

function classFolder(file: string): string | undefined {
  const slash = file.indexOf("/");
  return slash < 0 ? undefined : file.slice(0, slash);
}

async function verifyAll(
  root: string,
  files: readonly string[],
  depth: "full" | "header",
  onProgress: ImageFolderOptions["onProgress"],
): Promise<FolderProblem[]> {
  const suspects: string[] = [];
  let next = 0;
  let checked = 0;
  const lane = async () => {
    while (next < files.length) {
      const path = files[next++] as string;
      await verifyFile(join(root, path), depth).catch(() => suspects.push(path));
      onProgress?.({ checked: ++checked, total: files.length });
    }
  };
  await Promise.all(Array.from({ length: Math.min(16, 2 * availableParallelism()) }, lane));
  // Once more, one at a time: the decoder mixes up the reasons of images that fail side by side.
  const problems: FolderProblem[] = [];
  for (const path of suspects) {
    try {
      await verifyFile(join(root, path), depth);
    } catch (error) {
      problems.push({
        path,
        reason: reason(SitError.isInstance(error) && error.cause ? error.cause : error),
      });
    }
  }
  return problems;
}

function report(
  path: string,
  scan: FolderScan,
  problems: readonly FolderProblem[],
  options: ImageFolderOptions,
) {
  const { maximumBadShare = 0.1, classes = "auto", onProblem } = options;
  const total = scan.files.length + scan.problems.length;
  const [first] = problems;
  if (onProblem) for (const problem of problems) onProblem(problem);
  if (first !== undefined) {
    const summary = `${problems.length} of ${total} images unreadable, first ${first.path} (${first.reason})`;
    const share = problems.length / total;
    if (share > maximumBadShare || problems.length === total) {
      const allowed = `at most ${(maximumBadShare * 100).toFixed(1)} % unreadable images`;
      throw new SitError("bad-file", `${path}: expected ${allowed}, got ${summary}`, {
        mend: "Repair or remove them, or raise maximumBadShare.",
      });
    }
    if (!onProblem) process.emitWarning(`${path}: ${summary}; left out`, { code: "SITJS_UNREADABLE_IMAGES" });
  }
  if (classes === "none" || !onProblem) return;
  const filled = new Set(scan.files.map(classFolder));
  const hasClasses = scan.files.every((file) => classFolder(file) !== undefined);
  for (const folder of hasClasses ? scan.folders : []) {
    if (!filled.has(folder)) onProblem({ path: folder, reason: "a folder without images: no class" });
  }
}
