import { SitError } from "@sitjs/core/errors";
import { describeJson, parseJsonBytes } from "@sitjs/core/json";

import { type AnnotationOptions, type Annotations, collector } from "./annotations.js";

export interface JsonAnnotationOptions extends AnnotationOptions {
  /** Key of the image's file in a record. Default "file". */
  readonly file?: string;
  /** Key of the label, or the list of labels, in a record. Default: "labels", else "label". */
  readonly label?: string;
}

/** What `jsonAnnotations` gives, of the bytes of a file that messages call `source`. */
export function parseJsonAnnotations(
  bytes: Uint8Array,
  options: JsonAnnotationOptions = {},
  source = "annotations.json",
): Annotations {
  return jsonOf(parseJsonBytes(bytes, source), options, source);
}

/** The same of the file's JSON value. */
export function jsonOf(value: unknown, options: JsonAnnotationOptions, source: string): Annotations {
  const { file: fileKey = "file", label: labelKey } = options;
  const collected = collector(options);
  if (Array.isArray(value)) {
    for (const [i, record] of value.entries()) {
      const where = `${source}: record ${i}`;
      if (typeof record !== "object" || record === null || Array.isArray(record)) {
        throw new SitError("bad-file", `${where}: expected an object, got ${describeJson(record)}`);
      }
      const file = own(record, fileKey);
      if (typeof file !== "string") {
        throw new SitError("bad-file", `${where}: ${fileKey}: expected a text, got ${describeJson(file)}`);
      }
      const key = labelKey ?? (Object.hasOwn(record, "labels") ? "labels" : "label");
      collected.add(file, labelsOf(own(record, key), `${where}: ${key}`), where);
    }
  } else if (typeof value === "object" && value !== null) {
    // A key twice has been refused already.
    for (const [file, labels] of Object.entries(value)) {
      const where = `${source}: ${describeJson(file)}`;
      collected.add(file, labelsOf(labels, where), where);
    }
  } else {
    const expected = "an object of labels by file or a list of records";
    throw new SitError("bad-file", `${source}: expected ${expected}, got ${describeJson(value)}`);
  }
  return collected.finish();
}

function own(object: object, key: string): unknown {
  return Object.hasOwn(object, key) ? (object as Record<string, unknown>)[key] : undefined;
}

function labelsOf(value: unknown, where: string): string[] {
  return Array.isArray(value) ? value.map((each) => labelOf(each, where)) : [labelOf(value, where)];
}

function labelOf(value: unknown, where: string): string {
  if (typeof value === "string") return value;
  if (Number.isSafeInteger(value)) return String(value);
  throw new SitError(
    "bad-file",
    `${where}: expected a label or a list of labels, got ${describeJson(value)}`,
  );
}
