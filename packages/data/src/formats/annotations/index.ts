export type { AnnotatedFile, AnnotationOptions, Annotations } from "./annotations.js";
export type { CsvAnnotationOptions, CsvColumn } from "./csv.js";
export type { JsonAnnotationOptions } from "./json.js";
export { cocoAnnotations, csvAnnotations, jsonAnnotations, vocAnnotations } from "./read.js";
export {
  type AnnotationFormat,
  annotationFormats,
  type ReadAnnotationsOptions,
  readAnnotations,
} from "./read-any.js";
export type { VocAnnotationOptions } from "./voc.js";
