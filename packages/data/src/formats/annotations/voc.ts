import { decodeText } from "@sitjs/core/json";
import { type AnnotationOptions, type Annotations, collector } from "./annotations.js";
import { parseVocXml } from "./voc-xml.js";

export interface VocAnnotationOptions extends AnnotationOptions {
  /** Text file with the names of the annotations to read, one a line without `.xml`: `ImageSets/Main/train.txt`. */
  readonly list?: string;
  /** Whether objects marked as difficult count. Default true. */
  readonly difficult?: boolean;
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
  const collected = collector(options);
  return {
    add(bytes, source) {
      const { file, objects } = parseVocXml(decodeText(bytes, source), source);
      const labels = objects.filter((object) => difficult || !object.difficult).map(({ name }) => name);
      collected.add(file, labels, source);
    },
    finish: () => collected.finish(),
  };
}
