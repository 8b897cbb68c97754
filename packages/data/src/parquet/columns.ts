import { printable, SitError } from "@sitjs/core/errors";
import type { SchemaTree } from "hyparquet";
import type { Table } from "./table.js";

export interface ColumnOptions {
  /** Column of the images; default: the one that Hugging Face's notes call an image, or `image`, or the only one. */
  readonly image?: string;
  /** Column of the labels; false: none. Default: `label`, `labels`, `fine_label`, or the only one with class names. */
  readonly label?: string | false;
}

/** What is read of a table. */
export interface ImageColumns {
  readonly image: string;
  /** Whether each image is a structure of `bytes` and `path`, not bytes alone. */
  readonly nested: boolean;
  readonly label: string | undefined;
  /** Names of the classes, where the table has them. */
  readonly classes: readonly string[] | undefined;
}

/**
 * Which columns of a table hold its images and labels: Hugging Face's layout, where an image is a structure of `bytes` and
 * `path`, and class names are in the notes under "huggingface"; or bytes alone.
 * @throws SitError "bad-file" naming the table, what was expected and the columns there are
 */
export function imageColumns(table: Table, options: ColumnOptions): ImageColumns {
  const features = huggingFaceFeatures(table);
  const image = chosenImage(table, options.image, features);
  const label = chosenLabel(table, options.label, features);
  return {
    image: image.element.name,
    nested: image.children.length > 0,
    label,
    classes: label === undefined ? undefined : classNames(features.get(label)),
  };
}

type Feature = { readonly _type?: unknown; readonly names?: unknown };

/** `info.features` of https://huggingface.co/docs/datasets, as its writer puts it into the file; empty where there is none. */
function huggingFaceFeatures({ notes }: Table): ReadonlyMap<string, Feature> {
  try {
    const { features } = JSON.parse(notes.get("huggingface") ?? "").info;
    return new Map(Object.entries(features as Record<string, Feature>).filter(([, value]) => value !== null));
  } catch {
    return new Map();
  }
}

function chosenImage(
  table: Table,
  wanted: string | undefined,
  features: ReadonlyMap<string, Feature>,
): SchemaTree {
  const { columns } = table;
  const named = (name: string) => columns.find(({ element }) => element.name === name);
  const fits = columns.filter(holdsImages);
  const noted = fits.filter(({ element }) => features.get(element.name)?._type === "Image");
  const found =
    wanted !== undefined
      ? named(wanted)
      : (only(noted) ?? fits.find(({ element }) => ["image", "img"].includes(element.name)) ?? only(fits));
  if (found && holdsImages(found)) return found;
  const expected =
    wanted === undefined
      ? 'one column of images (of bytes, or a structure of "bytes" and "path"; say which by the option image)'
      : `a column ${JSON.stringify(wanted)} of bytes, or of a structure of "bytes" and "path"`;
  throw wrongColumns(table, expected);
}

function chosenLabel(
  table: Table,
  wanted: string | false | undefined,
  features: ReadonlyMap<string, Feature>,
): string | undefined {
  if (wanted === false) return undefined;
  const labels = table.columns.filter(holdsLabels).map(({ element }) => element.name);
  if (wanted !== undefined) {
    if (labels.includes(wanted)) return wanted;
    throw wrongColumns(table, `a column ${JSON.stringify(wanted)} of whole numbers or texts`);
  }
  const usual = ["label", "labels", "fine_label"].find((name) => labels.includes(name));
  return usual ?? only(labels.filter((name) => features.get(name)?._type === "ClassLabel"));
}

function classNames(feature: Feature | undefined): readonly string[] | undefined {
  const names = feature?._type === "ClassLabel" ? feature.names : undefined;
  if (!Array.isArray(names) || names.length === 0) return undefined;
  return names.every((name) => typeof name === "string") ? names : undefined;
}

const isRepeated = ({ element }: SchemaTree) => element.repetition_type === "REPEATED";

function isBytes(column: SchemaTree): boolean {
  const { type, converted_type, logical_type } = column.element;
  if (column.children.length > 0 || isRepeated(column)) return false;
  return type === "BYTE_ARRAY" && converted_type === undefined && logical_type === undefined;
}

function holdsImages(column: SchemaTree): boolean {
  if (column.children.length === 0) return isBytes(column);
  const { converted_type, logical_type } = column.element;
  if (isRepeated(column) || converted_type !== undefined || logical_type !== undefined) return false;
  return column.children.some((child) => child.element.name === "bytes" && isBytes(child));
}

const integers = ["INT32", "INT64"];
/** What else 32 and 64 bits may mean. */
const noIntegers = /DATE|TIME|DECIMAL/;

function holdsLabels(column: SchemaTree): boolean {
  const { type = "", converted_type = "", logical_type } = column.element;
  if (column.children.length > 0 || isRepeated(column)) return false;
  if (integers.includes(type)) return !noIntegers.test(`${converted_type} ${logical_type?.type}`);
  return type === "BYTE_ARRAY" && (converted_type === "UTF8" || logical_type?.type === "STRING");
}

function only<T>(list: readonly T[]): T | undefined {
  return list.length === 1 ? list[0] : undefined;
}

function wrongColumns({ path, columns }: Table, expected: string): SitError {
  const got = columns.map(({ element, children }) => {
    const inside = children.map((child) => child.element.name).join(", ");
    const type = element.logical_type?.type ?? element.converted_type ?? element.type;
    return `${printable(element.name)} (${type ?? `of ${printable(inside)}`})`;
  });
  return new SitError(
    "bad-file",
    `${printable(path)}: expected ${expected}, got the columns ${got.join(", ") || "of none"}`,
  );
}
