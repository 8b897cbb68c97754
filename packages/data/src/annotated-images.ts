import { resolve } from "node:path";
import { printable, requireOption, SitError } from "@sitjs/core/errors";
import { createDataset, type ImageDataset } from "./dataset.js";
import { defaultMaximumPixels } from "./decode.js";
import { byCodeUnits, type FolderProblem, type FolderScan, scanFolder } from "./folder-scan.js";
import type { AnnotatedFile, Annotations } from "./formats/annotations/index.js";
import { imageExtensions } from "./image-folder.js";
import { unsupportedEndings } from "./image-format.js";
import { checkReadableFiles, type ReadableFilesOptions, readableFiles } from "./readable-files.js";
import { notCounted } from "./targets.js";

export interface AnnotatedImagesOptions extends ReadableFilesOptions {
  /**
   * What is done about images of the folder that the annotations do not name. "leave-out" (default): they are listed in
   * `unannotated` and otherwise passed over, since a folder may hold the images of several annotation files; "error".
   */
  readonly unannotated?: "leave-out" | "error";
}

export interface AnnotatedImagesDataset extends ImageDataset {
  readonly classes: readonly string[];
  readonly targets: Uint8Array;
  /**
   * Images that the annotations name and that are left out, in order of their paths: kind "missing" where there is no
   * such image in the folder, else what is wrong with it. `summarizeProblems` counts them.
   */
  readonly problems: readonly FolderProblem[];
  /** Images in the folder that the annotations do not name, in order. */
  readonly unannotated: readonly string[];
}

/**
 * The images of a folder that annotations name, with the classes each shows as targets, in the annotations' order. Files
 * are read as `imageFolder` does, at any depth; names are compared in Unicode's normal form NFC. An image that is missing
 * counts as one that is unreadable: both are left out and listed.
 * @throws SitError "missing-file" without the folder; "bad-file" where more than `maximumBadShare` of the annotated
 * images are missing or unreadable, or all of them, where one is named twice, or, with `unannotated: "error"`, where an
 * image is not named; "bad-option"; the reason of an aborted `signal`
 */
export async function annotatedImages(
  folder: string,
  annotations: Annotations,
  options: AnnotatedImagesOptions = {},
): Promise<AnnotatedImagesDataset> {
  const { channels = 3, shorterSide, name = folder, onProblem, signal } = options;
  const { maximumPixels = defaultMaximumPixels, unannotated: others = "leave-out" } = options;
  checkReadableFiles(options);
  requireOption(["leave-out", "error"].includes(others), "unannotated", '"leave-out" or "error"', others);
  const { classes, samples } = annotations;
  requireOption(samples.length > 0, "annotations", "at least one image", 0);
  const root = resolve(folder);
  const scan = await scanFolder(root, {
    extensions: imageExtensions,
    unsupported: unsupportedEndings,
    signal,
  });
  const { files, problems, unannotated } = match(folder, samples, scan);
  if (others === "error" && unannotated.length > 0) throw notNamed(folder, unannotated);

  const wanted = { path: folder, root, files: [...files.keys()], problems };
  const { paths, leftOut, requireEnough } = await readableFiles(wanted, options);
  if (onProblem) for (const problem of leftOut) onProblem(problem);
  requireEnough();

  const targets = new Uint8Array(paths.length * classes.length);
  paths.forEach((path, row) => {
    const { labels, notCounted: uncounted = [] } = files.get(path) as AnnotatedFile;
    for (const label of uncounted) targets[row * classes.length + label] = notCounted;
    for (const label of labels) targets[row * classes.length + label] = 1;
  });
  const storage = { kind: "files", root, paths, channels, shorterSide, maximumPixels } as const;
  const dataset = createDataset({ name, classes, targets, storage });
  return { ...dataset, classes, targets, problems: leftOut, unannotated };
}

/** Which file is which annotation's. */
function match(folder: string, samples: readonly AnnotatedFile[], scan: FolderScan) {
  const found = new Map(scan.files.map((file) => [file.normalize(), file]));
  const unreachable = new Map(scan.problems.map((problem) => [problem.path.normalize(), problem]));
  const files = new Map<string, AnnotatedFile>();
  const problems: FolderProblem[] = [];
  const named = new Set<string>();
  for (const sample of samples) {
    const key = sample.file.normalize();
    if (named.has(key)) {
      const message = `${printable(folder)}: expected annotations with each image once, got ${printable(sample.file)} twice`;
      throw new SitError("bad-file", message);
    }
    named.add(key);
    const path = found.get(key);
    if (path === undefined) problems.push(problemOf(sample.file, key, unreachable));
    else files.set(path, sample);
  }
  const unannotated = [...found].filter(([key]) => !named.has(key)).map(([, file]) => file);
  return { files, problems, unannotated: unannotated.sort(byCodeUnits) };
}

/** Why an annotated file is not among those that were found: itself or a folder above it cannot be read. */
function problemOf(
  path: string,
  key: string,
  unreachable: ReadonlyMap<string, FolderProblem>,
): FolderProblem {
  const folders = key.split("/").slice(0, -1);
  const above = folders.map((_, i) => folders.slice(0, i + 1).join("/"));
  const known = [key, ...above].map((each) => unreachable.get(each)).find((each) => each !== undefined);
  if (known !== undefined) return { path, kind: known.kind, reason: known.reason };
  return { path, kind: "missing", reason: "in the annotations, but no such image in the folder" };
}

function notNamed(folder: string, unannotated: readonly string[]): SitError {
  const some = unannotated.slice(0, 3).map(printable).join(", ");
  const more = unannotated.length > 3 ? ` and ${unannotated.length - 3} more` : "";
  const message = `${printable(folder)}: expected an annotation for every image, got none for ${some}${more}`;
  return new SitError("bad-file", message, { mend: 'unannotated: "leave-out" goes on without them.' });
}
