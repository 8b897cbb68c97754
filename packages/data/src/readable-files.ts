import { join } from "node:path";
import { printable, requireOption, SitError } from "@sitjs/core/errors";
import { defaultMaximumPixels, verifyFile } from "./decode.js";
import { byCodeUnits, type FolderProblem } from "./folder-scan.js";
import { nameProblems } from "./problems.js";
import type { Channels } from "./storage.js";
import { verifyFiles } from "./verify-files.js";

/** How the image files of a folder are read, and what is done about those that cannot be. */
export interface ReadableFilesOptions {
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

/** @throws SitError "bad-option" naming the one that is wrong */
export function checkReadableFiles(options: ReadableFilesOptions): void {
  const { channels = 3, verify = "full", shorterSide, maximumBadShare = 0.1 } = options;
  const { maximumPixels = defaultMaximumPixels } = options;
  requireOption(channels === 1 || channels === 3, "channels", "1 or 3", channels);
  requireOption(["full", "header", "none"].includes(verify), "verify", '"full", "header" or "none"', verify);
  const whole = shorterSide === undefined || (Number.isSafeInteger(shorterSide) && shorterSide > 0);
  requireOption(whole, "shorterSide", "a positive whole number of pixels", shorterSide);
  const pixels = Number.isSafeInteger(maximumPixels) && maximumPixels >= 1 && maximumPixels <= 2 ** 30;
  requireOption(pixels, "maximumPixels", "a whole number of pixels from 1 to 2^30", maximumPixels);
  const share = maximumBadShare >= 0 && maximumBadShare <= 1;
  requireOption(share, "maximumBadShare", "a number from 0 to 1", maximumBadShare);
}

/** What is to be read of a folder. */
export interface WantedFiles {
  /** The folder, as it was named and as an absolute path. */
  readonly path: string;
  readonly root: string;
  /** Below `root`, with `/` between folders. */
  readonly files: readonly string[];
  /** Wanted as well, but known to be bad. */
  readonly problems: readonly FolderProblem[];
}

export interface ReadableFiles {
  /** Those of `files` that can be read, in their order. */
  readonly paths: string[];
  /** The others and the `problems`, in order of their paths. */
  readonly leftOut: FolderProblem[];
  /** Throws where these are too many, else warns of them where nobody is told each. */
  requireEnough(): void;
}

/**
 * Looks at files as `verify` says, and tells those that can be read from the others.
 * @throws the reason of an aborted `signal`; `requireEnough`: SitError "bad-file" where more than `maximumBadShare` of
 * all are unreadable, or all of them
 */
export async function readableFiles(
  { path, root, files, problems }: WantedFiles,
  options: ReadableFilesOptions,
): Promise<ReadableFiles> {
  const { verify = "full", maximumPixels = defaultMaximumPixels, onProblem, onProgress, signal } = options;
  const unreadable =
    verify === "none"
      ? []
      : await verifyFiles(files, {
          verify: (i) => verifyFile(join(root, files[i] as string), verify, maximumPixels),
          onProgress,
          signal,
        });
  const leftOut = [...problems, ...unreadable].sort((a, b) => byCodeUnits(a.path, b.path));
  const excluded = new Set(unreadable.map((problem) => problem.path));
  const total = files.length + problems.length;
  return {
    paths: files.filter((file) => !excluded.has(file)),
    leftOut,
    requireEnough() {
      requireReadable(path, leftOut, total, options);
      if (leftOut.length === 0 || onProblem) return;
      const warning = `${printable(path)}: ${leftOut.length} of ${total} images left out: ${nameProblems(leftOut)}`;
      process.emitWarning(warning, { code: "SITJS_UNREADABLE_IMAGES" });
    },
  };
}

/** Throws where more images are unreadable than `maximumBadShare` allows, or all of them. */
export function requireReadable(
  path: string,
  leftOut: readonly FolderProblem[],
  total: number,
  { maximumBadShare = 0.1 }: Pick<ReadableFilesOptions, "maximumBadShare">,
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
