import { requireOption, SitError } from "@sitjs/core/errors";
import { describeJson } from "@sitjs/core/json";
import { byCodeUnits } from "../../folder-scan.js";
import { checkFileName } from "./file-name.js";

/** Images by their file names, each with any number of labels. */
export interface Annotations {
  /** Names of the classes, by label. */
  readonly classes: readonly string[];
  /** In the order of the annotation file, each image once. */
  readonly samples: readonly AnnotatedFile[];
}

export interface AnnotatedFile {
  /** Path inside the image folder, with `/` between folders; it never leads out of that folder. */
  readonly file: string;
  /** Indices into `classes`, ascending, each once; empty where the image shows none of them. */
  readonly labels: readonly number[];
  /** Classes of which neither counts, that the image shows them or that it does not; none where left out. */
  readonly notCounted?: readonly number[];
}

/** What all formats have in common. */
export interface AnnotationOptions {
  /**
   * Names of the classes by label. Default: those of the file, sorted by their code units, or as numbers where all are
   * whole numbers; of one-hot columns and of COCO's categories in the file's own order (of columns, of ids).
   */
  readonly classes?: readonly string[];
  /** A label that `classes` does not have is an error, or is left out. Default "error". */
  readonly unknownClasses?: "error" | "skip";
  /** An image that comes twice is an error, or has the labels of both. Default "error". */
  readonly duplicates?: "error" | "merge";
}

/** Gathers the images of one annotation file and numbers their labels. */
export interface Collector {
  /**
   * @param where the file and the place in it, for messages
   * @param notCounted classes of which neither counts, but for those among `labels`
   * @throws SitError "bad-file" for a name that leads out of the folder, an image that is there, an unknown class
   */
  add(file: string, labels: readonly string[], where: string, notCounted?: readonly string[]): void;
  finish(): Annotations;
}

/**
 * @param order names of classes in the order that the format itself gives, if it does
 * @throws SitError "bad-option"
 */
export function collector(options: AnnotationOptions, order?: readonly string[]): Collector {
  const { unknownClasses = "error", duplicates = "error" } = options;
  checkOptions(options);
  const fixed = options.classes ?? order;
  const indices = new Map(fixed?.map((name, i) => [name, i]));
  const samples = new Map<string, { shown: Set<number>; notCounted: Set<number> }>();
  const indexOf = (label: string, where: string): number | undefined => {
    const index = indices.get(label);
    if (index !== undefined) return index;
    if (label === "") throw new SitError("bad-file", `${where}: expected a label, got an empty one`);
    if (fixed && unknownClasses === "skip") return undefined;
    if (fixed) throw unknown(label, fixed, where);
    indices.set(label, indices.size);
    return indices.size - 1;
  };
  const addAll = (to: Set<number>, labels: readonly string[], where: string) => {
    for (const label of labels) {
      const index = indexOf(label, where);
      if (index !== undefined) to.add(index);
    }
  };
  return {
    add(name, labels, where, notCounted = []) {
      const file = checkFileName(name, where);
      const known = samples.get(file);
      if (known && duplicates === "error") {
        throw new SitError(
          "bad-file",
          `${where}: expected each image once, got ${describeJson(file)} again`,
          {
            mend: 'duplicates: "merge" takes the labels of both.',
          },
        );
      }
      const own = known ?? { shown: new Set(), notCounted: new Set() };
      addAll(own.shown, labels, where);
      addAll(own.notCounted, notCounted, where);
      samples.set(file, own);
    },
    finish() {
      const found = [...indices.keys()];
      const classes = fixed ?? found.toSorted(inOrder(found));
      // From the number a class got when it was first seen to its place among all.
      const places = new Map(classes.map((name, i) => [indices.get(name) as number, i]));
      const placed = (numbers: Iterable<number>) =>
        Array.from(numbers, (index) => places.get(index) as number).sort((a, b) => a - b);
      return {
        classes: [...classes],
        samples: Array.from(samples, ([file, { shown, notCounted }]) => {
          const uncounted = [...notCounted].filter((index) => !shown.has(index));
          return {
            file,
            labels: placed(shown),
            ...(uncounted.length > 0 && { notCounted: placed(uncounted) }),
          };
        }),
      };
    },
  };
}

function checkOptions({ classes, unknownClasses = "error", duplicates = "error" }: AnnotationOptions): void {
  const choices = (values: readonly string[]) => values.map((value) => `"${value}"`).join(" or ");
  const unknown = ["error", "skip"];
  const twice = ["error", "merge"];
  requireOption(unknown.includes(unknownClasses), "unknownClasses", choices(unknown), unknownClasses);
  requireOption(twice.includes(duplicates), "duplicates", choices(twice), duplicates);
  if (classes === undefined) return;
  const texts = Array.isArray(classes) && classes.every((name) => typeof name === "string" && name !== "");
  requireOption(texts && classes.length > 0, "classes", "a list of names", classes);
  requireOption(new Set(classes).size === classes.length, "classes", "each name once", classes);
}

function unknown(label: string, classes: readonly string[], where: string): SitError {
  const some = classes.slice(0, 8).map(describeJson).join(", ");
  const expected = classes.length > 8 ? `${some}, … (${classes.length})` : some;
  return new SitError(
    "bad-file",
    `${where}: expected a class among ${expected}, got ${describeJson(label)}`,
    {
      mend: 'unknownClasses: "skip" leaves such labels out.',
    },
  );
}

function inOrder(names: readonly string[]): (a: string, b: string) => number {
  const numbers = names.every((name) => /^(0|[1-9]\d{0,14})$/.test(name));
  return numbers ? (a, b) => Number(a) - Number(b) : byCodeUnits;
}
