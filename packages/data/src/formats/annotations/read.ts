import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { decodeText } from "@sitjs/core/json";
import { byCodeUnits } from "../../folder-scan.js";
import { readPlain } from "../../idx-dataset.js";
import { reason } from "../../image-error.js";
import type { AnnotationOptions, Annotations } from "./annotations.js";
import type { CsvAnnotationOptions } from "./csv.js";
import { checkFileName } from "./file-name.js";
import type { JsonAnnotationOptions } from "./json.js";
import type { VocAnnotationOptions } from "./voc.js";

// Each format's parser, and the library behind it, is loaded with its first file.

/**
 * The annotations of a CSV file (RFC 4180, UTF-8): a line for each image, its labels in one cell or in one-hot columns.
 * Labels lose spaces around them; empty lines are passed over.
 * @throws SitError "missing-file", "bad-file" naming file and line, or "bad-option"
 */
export async function csvAnnotations(path: string, options: CsvAnnotationOptions = {}): Promise<Annotations> {
  const { parseCsvAnnotations } = await import("./csv.js");
  return parseCsvAnnotations(await readPlain(path), options, path);
}

/**
 * The annotations of a JSON file, of one of two forms: an object of labels by file, `{ "a.jpg": "cat", "b.jpg": ["cat",
 * "dog"] }`, or a list of records, `[{ "file": "a.jpg", "label": "cat" }, …]`. A label is a text, or a whole number,
 * which stands for its digits.
 * @throws SitError "missing-file", "bad-file" naming file and record, or "bad-option"
 */
export async function jsonAnnotations(
  path: string,
  options: JsonAnnotationOptions = {},
): Promise<Annotations> {
  const { parseJsonAnnotations } = await import("./json.js");
  return parseJsonAnnotations(await readPlain(path), options, path);
}

/**
 * The annotations of a COCO file of instances (JSON): an image has the categories of all its annotations. Classes are the
 * categories by their id, so label 0 is the category of the smallest id. Images without annotations have no labels.
 * @throws SitError "missing-file", "bad-file" naming file and record, or "bad-option"
 */
export async function cocoAnnotations(path: string, options: AnnotationOptions = {}): Promise<Annotations> {
  const { parseCocoAnnotations } = await import("./coco.js");
  return parseCocoAnnotations(await readPlain(path), options, path);
}

/**
 * The annotations of a folder of Pascal VOC files (XML, `Annotations`), one an image, in the order of the list or of
 * their names. An image has the classes of all objects in it; parts of objects do not count.
 * @throws SitError "missing-file", "bad-file" naming file and line, or "bad-option"
 */
export async function vocAnnotations(
  folder: string,
  options: VocAnnotationOptions = {},
): Promise<Annotations> {
  const { vocCollector } = await import("./voc.js");
  const names = options.list === undefined ? await xmlFiles(folder) : await listed(options.list);
  const collected = vocCollector(options);
  // One at a time: the folder may have a hundred thousand.
  for (const name of names) {
    const source = join(folder, name);
    collected.add(await readPlain(source), source);
  }
  return collected.finish();
}

async function xmlFiles(folder: string): Promise<string[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    const message = `${folder}: expected a folder of XML files, got ${missing ? "nothing at this path" : reason(cause)}`;
    throw new SitError(missing ? "missing-file" : "bad-file", message, { cause });
  }
  const files = names.filter((name) => name.toLowerCase().endsWith(".xml")).sort(byCodeUnits);
  if (files.length === 0) throw new SitError("bad-file", `${folder}: expected XML files, got none`);
  return files;
}

async function listed(path: string): Promise<string[]> {
  const lines = decodeText(await readPlain(path), path).split(/\r?\n/);
  const names = lines.map((line, i) => [line.trim(), i + 1] as const).filter(([name]) => name !== "");
  if (names.length === 0) throw new SitError("bad-file", `${path}: expected names of annotations, got none`);
  return names.map(([name, line]) => checkFileName(`${name}.xml`, `${path}: line ${line}`));
}
