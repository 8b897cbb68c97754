export type { AnnotatedFile, AnnotationOptions, Annotations } from "./annotations.js";
export { cocoAnnotations, parseCocoAnnotations } from "./coco.js";
export { type CsvAnnotationOptions, type CsvColumn, csvAnnotations, parseCsvAnnotations } from "./csv.js";
export { type JsonAnnotationOptions, jsonAnnotations, parseJsonAnnotations } from "./json.js";
export { parseVocAnnotations, type VocAnnotationOptions, type VocFile, vocAnnotations } from "./voc.js";
