import { stat } from "node:fs/promises";
import { printable, requireOption, SitError } from "@sitjs/core/errors";
import { parseJsonBytes } from "@sitjs/core/json";
import { readPlain } from "../../idx-dataset.js";
import { reason } from "../../image-error.js";
import type { AnnotationOptions, Annotations } from "./annotations.js";
import { vocAnnotations } from "./read.js";

export const annotationFormats = ["csv", "json", "voc", "coco"] as const;

export type AnnotationFormat = (typeof annotationFormats)[number];

export interface ReadAnnotationsOptions extends AnnotationOptions {
  /**
   * Default: a folder is Pascal VOC's; a file that begins with `{` or `[` is JSON, and COCO's where it is an object with
   * lists of images, annotations and categories; any other is CSV.
   */
  readonly format?: AnnotationFormat;
  /**
   * Of CSV, between several labels of one cell; default "|". A file of more than two columns is taken as one-hot: a column
   * for each class.
   */
  readonly separator?: string;
  /** Of Pascal VOC: the text file with the names to read, see `vocAnnotations`. */
  readonly list?: string;
  /** Of Pascal VOC, see `vocAnnotations`; default "not-counted", as the challenge is scored. */
  readonly difficult?: boolean | "not-counted";
}

/**
 * Annotations of any of the formats, told apart by what is at the path. The readers of one format have more options.
 * @throws SitError "missing-file", "bad-file" naming file and place, or "bad-option"
 */
export async function readAnnotations(
  path: string,
  options: ReadAnnotationsOptions = {},
): Promise<Annotations> {
  const { format, separator, list, difficult = "not-counted", ...common } = options;
  const known = format === undefined || annotationFormats.includes(format);
  requireOption(known, "format", `one of ${annotationFormats.join(", ")}`, format);
  const voc = format === undefined ? await isFolder(path) : format === "voc";
  requireOption(voc || list === undefined, "list", "a folder of Pascal VOC beside it", list);
  requireOption(!voc || separator === undefined, "separator", "a CSV file beside it", separator);
  if (voc) return await vocAnnotations(path, { ...common, list, difficult });

  const bytes = await readPlain(path);
  const json = format === "json" || format === "coco" || (format === undefined && looksLikeJson(bytes, path));
  requireOption(!json || separator === undefined, "separator", "a CSV file beside it", separator);
  if (!json) {
    const { parseCsvAnnotations } = await import("./csv.js");
    return parseCsvAnnotations(bytes, { ...common, separator: separator ?? "|", oneHot: "auto" }, path);
  }
  const value = parseJsonBytes(bytes, path);
  if (format === "coco" || (format === undefined && looksLikeCoco(value))) {
    const { cocoOf } = await import("./coco.js");
    return cocoOf(value, common, path);
  }
  const { jsonOf } = await import("./json.js");
  return jsonOf(value, common, path);
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    const got = missing ? "nothing at this path" : reason(cause);
    const message = `${printable(path)}: expected annotations, got ${got}`;
    throw new SitError(missing ? "missing-file" : "bad-file", message, { cause });
  }
}

/** By its first character that is no white space. */
function looksLikeJson(bytes: Uint8Array, path: string): boolean {
  const first = new TextDecoder().decode(bytes.subarray(0, 1024)).trimStart().charAt(0);
  if (first === "<") {
    const message = `${printable(path)}: expected CSV, JSON or a folder of XML files, got one XML file`;
    throw new SitError("bad-file", message, { mend: "Name the folder that it is in." });
  }
  return first === "{" || first === "[";
}

function looksLikeCoco(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const isList = (key: string) =>
    Object.hasOwn(value, key) && Array.isArray((value as Record<string, unknown>)[key]);
  return ["images", "annotations", "categories"].every(isList);
}
