import { SitError } from "@sitjs/core/errors";
import type { AnnotationFormat } from "@sitjs/data";

/** What a run reads its images' classes from, as it was named; options of the command, by their names. */
export interface AnnotationSources {
  /** A file, or a folder of Pascal VOC. */
  readonly labels: string;
  readonly format?: AnnotationFormat;
  /** Between labels of one cell of CSV. */
  readonly separator?: string;
  /** Of Pascal VOC, the names to read. */
  readonly list?: string;
  /** Of the test images; default: a part of the others. */
  readonly testLabels?: string;
  readonly testList?: string;
  readonly testData?: string;
}

const names = ["labels", "format", "separator", "list", "testLabels", "testList", "testData"] as const;

/**
 * The options of a run, and those it began with where they are not given.
 * @throws SitError "bad-option" without `--labels`, or where an option lacks another
 */
export function annotationSources(
  options: Readonly<Record<string, unknown>>,
  saved: AnnotationSources | undefined,
): AnnotationSources {
  const given = names.flatMap((name) => {
    const value = options[name] ?? saved?.[name];
    return value === undefined ? [] : [[name, value]];
  });
  const sources = Object.fromEntries(given) as Partial<AnnotationSources>;
  if (sources.labels === undefined) {
    throw new SitError("bad-option", "--labels: expected a file or folder of annotations, got none");
  }
  // A test list alone is of the same annotations, as Pascal VOC has them.
  if (sources.testData !== undefined && sources.testLabels === undefined && sources.testList === undefined) {
    throw new SitError("bad-option", "--test-data: expected --test-labels beside it, got none");
  }
  return sources as AnnotationSources;
}
