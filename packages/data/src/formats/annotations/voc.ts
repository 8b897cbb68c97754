import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import { decodeText } from "@sitjs/core/json";
import { reason } from "../../decode.js";
import { byCodeUnits } from "../../folder-scan.js";
import { readPlain } from "../../idx-dataset.js";
import { type AnnotationOptions, type Annotations, collector } from "./annotations.js";
import { checkFileName } from "./file-name.js";
import { parseVocXml } from "./voc-xml.js";

export interface VocAnnotationOptions extends AnnotationOptions {
  /** Text file with the names of the annotations to read, one a line without `.xml`: `ImageSets/Main/train.txt`. */
  readonly list?: string;
  /** Whether objects marked as difficult count. Default true. */
  readonly difficult?: boolean;
}

/** An annotation file of Pascal VOC: its bytes, and what messages call it. */
export interface VocFile {
  readonly source: string;
  readonly bytes: Uint8Array;
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
  const names = options.list === undefined ? await xmlFiles(folder) : await listed(options.list);
  const collected = collector(options);
  // One at a time: the folder may have a hundred thousand.
  for (const name of names) {
    const source = join(folder, name);
    addTo(collected, { source, bytes: await readPlain(source) }, options);
  }
  return collected.finish();
}

/** As `vocAnnotations`, from the files themselves. */
export function parseVocAnnotations(
  files: readonly VocFile[],
  options: VocAnnotationOptions = {},
): Annotations {
  const collected = collector(options);
  for (const file of files) addTo(collected, file, options);
  return collected.finish();
}

function addTo(
  collected: ReturnType<typeof collector>,
  { source, bytes }: VocFile,
  { difficult = true }: VocAnnotationOptions,
): void {
  const { file, objects } = parseVocXml(decodeText(bytes, source), source);
  const labels = objects.filter((object) => difficult || !object.difficult).map(({ name }) => name);
  collected.add(file, labels, source);
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
