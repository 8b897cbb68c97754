import { requireOption } from "@sitjs/core/errors";
import { decodeText } from "@sitjs/core/json";
import { type AnnotationOptions, type Annotations, collector } from "./annotations.js";
import { parseVocXml } from "./voc-xml.js";

export interface VocAnnotationOptions extends AnnotationOptions {
  /** Text file with the names of the annotations to read, one a line without `.xml`: `ImageSets/Main/train.txt`. */
  readonly list?: string;
  /**
   * Whether objects marked as difficult count as others do (true, default) or are passed over (false). "not-counted", the
   * challenge's way: a class of which an image shows difficult objects only is in its `notCounted`.
   */
  readonly difficult?: boolean | "not-counted";
}

/** Gathers annotation files of Pascal VOC, which are one an image. */
export interface VocCollector {
  /** @throws SitError "bad-file" naming `source` and the line */
  add(bytes: Uint8Array, source: string): void;
  finish(): Annotations;
}

/** @throws SitError "bad-option" */
export function vocCollector(options: VocAnnotationOptions = {}): VocCollector {
  const { difficult = true } = options;
  const known = [true, false, "not-counted"].includes(difficult);
  requireOption(known, "difficult", 'true, false or "not-counted"', difficult);
  const collected = collector(options);
  return {
    add(bytes, source) {
      const { file, objects } = parseVocXml(decodeText(bytes, source), source);
      const names = (hard: boolean) =>
        objects.filter((each) => each.difficult === hard).map(({ name }) => name);
      const labels = difficult === true ? objects.map(({ name }) => name) : names(false);
      collected.add(file, labels, source, difficult === "not-counted" ? names(true) : []);
    },
    finish: () => collected.finish(),
  };
}
