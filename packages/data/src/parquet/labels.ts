import { printable, SitError } from "@sitjs/core/errors";
import { describeJson } from "@sitjs/core/json";
import { byCodeUnits } from "../folder-scan.js";

/** The labels of some images, and the names of the classes. */
export interface TableLabels {
  readonly labels: Int32Array;
  readonly classes: readonly string[];
}

export interface LabelSource {
  /** A label for each image: a number, a text, or nothing. */
  readonly values: readonly unknown[];
  /** What each image is called. */
  readonly names: readonly string[];
  /** Labels of images that are left out: their classes stay, so that no label depends on what is broken today. */
  readonly leftOut: readonly unknown[];
  /** The classes that the table names itself. */
  readonly own: readonly string[] | undefined;
  /** Those that it shall have, in this order. */
  readonly wanted: readonly string[] | undefined;
}

const mostShown = 20;
const some = (names: readonly string[]): string => {
  const shown = names.slice(0, mostShown).map((name) => printable(name.slice(0, 60)));
  return shown.join(", ") + (names.length > mostShown ? `, … (${names.length})` : "");
};

/**
 * Labels as indices into class names. Numbers are such indices (classes without a name are called by their number); texts
 * are names of classes, sorted where no order is given.
 * @returns undefined where no image has a label: none at all, or -1, as Hugging Face marks it
 * @throws SitError "bad-file" naming the image, what was expected and what came
 */
export function tableLabels(source: LabelSource): TableLabels | undefined {
  const { values, names, own, wanted } = source;
  const plain = values.map(plainLabel);
  const others = source.leftOut.map(plainLabel);
  if (plain.every((value) => value === undefined || value === -1)) return undefined;
  const wrong = (i: number, expected: string) => {
    const got = plain[i] === undefined ? "none" : describeJson(plain[i]);
    const name = printable(names[i] as string);
    return new SitError("bad-file", `${name}: expected a label ${expected}, got ${got}`);
  };
  const missing = plain.indexOf(undefined);
  if (missing >= 0) throw wrong(missing, "as other images have");
  if (plain.every((value) => typeof value === "string")) {
    const named = [...plain, ...others.filter((value) => typeof value === "string")];
    const classes = wanted ?? [...new Set(named)].sort(byCodeUnits);
    const labelOf = new Map(classes.map((name, label) => [name, label]));
    const labels = plain.map((name, i) => {
      const label = labelOf.get(name);
      if (label === undefined) throw wrong(i, `among ${some(classes)}`);
      return label;
    });
    return { labels: Int32Array.from(labels), classes };
  }
  if (own && wanted && (own.length !== wanted.length || own.some((name, i) => name !== wanted[i]))) {
    const [expected, got] = [wanted, own].map(some);
    throw new SitError(
      "bad-file",
      `${printable(names[0] as string)}: expected the classes ${expected}, got ${got}`,
    );
  }
  const known = wanted ?? own;
  const numbers = plain as number[];
  const limit = known?.length ?? 2 ** 20;
  const isLabel = (label: unknown): label is number =>
    Number.isSafeInteger(label) && (label as number) >= 0 && (label as number) < limit;
  const bad = numbers.findIndex((label) => !isLabel(label));
  if (bad >= 0) throw wrong(bad, `from 0 to ${limit - 1}`);
  const count = [...numbers, ...others.filter(isLabel)].reduce((most, label) => Math.max(most, label + 1), 0);
  return {
    labels: Int32Array.from(numbers),
    classes: known ?? Array.from({ length: count }, (_, label) => String(label)),
  };
}

const plainLabel = (value: unknown) => (typeof value === "bigint" ? Number(value) : (value ?? undefined));
