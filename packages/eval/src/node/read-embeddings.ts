import { readFile, stat } from "node:fs/promises";
import { printable, SitError } from "@sitjs/core/errors";
import { describeJson, parseJson } from "@sitjs/core/json";
import type { LabelledFeatures } from "../labelled-features.js";
import { openNpy } from "./npy.js";
import { numpyPaths } from "./write-numpy.js";

/** A label beyond is no class of anything: one wrong number must not claim memory for all below it. */
const MOST_CLASSES = 2 ** 16;

/** Vectors of a file, with what they are of. */
export interface SavedEmbeddings extends LabelledFeatures {
  readonly files: readonly string[];
  /** Names of the classes by label, where the file has them. */
  readonly classes: readonly string[] | undefined;
  /** How many rows the file has, of which these are some. */
  readonly total: number;
}

/** A table whose rows are read in groups, as `openParquet` of `@sitjs/data` gives one. */
export interface EmbeddingTable {
  readonly path: string;
  readonly rows: number;
  readonly columns: readonly { readonly element: { readonly name: string } }[];
  /** Texts beside the rows. */
  readonly notes: ReadonlyMap<string, string>;
  /** The rows at which groups begin, and the end. */
  readonly groups: readonly number[];
  readGroup(group: number, columns: readonly string[]): Promise<Record<string, unknown>[]>;
}

/**
 * Reads rows of what `writeEmbeddings` has written, or of any table with a column `embedding` of lists of numbers.
 * @param source a table, or where NumPy's arrays are: a folder or an `.npy`
 * @param choose the rows that are wanted, of so many
 * @throws SitError "missing-file" or "bad-file" naming the file
 */
export async function readEmbeddings(
  source: string | EmbeddingTable,
  choose: (total: number) => ArrayLike<number>,
): Promise<SavedEmbeddings> {
  if (typeof source !== "string") return requireFinite(source.path, await readTable(source, choose));
  if ((await stat(source).catch(() => undefined)) === undefined)
    throw new SitError("missing-file", `${printable(source)}: expected embeddings, got nothing there`);
  const { embeddings } = numpyPaths(source);
  const before = await identity(embeddings);
  const read = await readNumpy(source, choose);
  // Who writes the set anew takes this file away first: while it stays, all that was read is of one set.
  if (before !== (await identity(embeddings))) {
    throw new SitError("bad-file", `${printable(embeddings)}: was written anew while it was read`, {
      mend: "Try again when that has ended.",
    });
  }
  return requireFinite(embeddings, read);
}

const identity = async (path: string) =>
  await stat(path).then(
    ({ dev, ino, size, mtimeMs }) => `${dev} ${ino} ${size} ${mtimeMs}`,
    () => undefined,
  );

function requireFinite(path: string, read: SavedEmbeddings): SavedEmbeddings {
  const at = read.features.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return read;
  const of = printable(read.files[Math.floor(at / read.size)] ?? "");
  const got = `${read.features[at]} in the vector of ${of}`;
  throw new SitError("bad-file", `${printable(path)}: expected finite numbers, got ${got}`);
}

async function readTable(
  table: EmbeddingTable,
  choose: (total: number) => ArrayLike<number>,
): Promise<SavedEmbeddings> {
  const wrong = (got: string) =>
    new SitError("bad-file", `${printable(table.path)}: expected a table of embeddings, got ${got}`);
  const names = table.columns.map(({ element }) => element.name);
  if (!names.includes("embedding")) throw wrong("no column embedding");
  const columns = ["file", "label", "class", "embedding"].filter((name) => names.includes(name));
  const chosen = choose(table.rows);
  const place = new Map(Array.from(chosen, (row, i) => [row, i]));
  const files = new Array<string>(chosen.length).fill("");
  const labels = new Int32Array(chosen.length).fill(-1);
  const named = new Map<number, string>();
  // Each by itself until all are there: one long vector says nothing of the others' room.
  const vectors = new Array<Float32Array>(chosen.length);
  let size = 0;
  for (const [group, first] of table.groups.slice(0, -1).entries()) {
    for (const [i, row] of (await table.readGroup(group, columns)).entries()) {
      const to = place.get(first + i);
      if (to === undefined) continue;
      const vector = row.embedding;
      if (!isVector(vector)) throw wrong(`no list of numbers in row ${first + i}`);
      if (size === 0) size = vector.length;
      if (vector.length !== size)
        throw wrong(`${vector.length} numbers in row ${first + i} instead of ${size}`);
      vectors[to] = Float32Array.from(vector);
      files[to] = text(row.file ?? first + i);
      const label = labelOf(row.label);
      if (label === undefined) throw wrong(`the label ${shown(row.label)} in row ${first + i}`);
      labels[to] = label;
      if (label >= 0) named.set(label, text(row.class ?? label));
    }
  }
  const noted = table.notes.get("classes");
  const most = labels.reduce((before, label) => Math.max(before, label), -1);
  const own =
    noted === undefined
      ? Array.from({ length: most + 1 }, (_, label) => named.get(label) ?? String(label))
      : parseClasses(noted);
  if (own === undefined) throw wrong("names of classes that are no list of texts");
  if (own.length > 0 && most >= own.length)
    throw wrong(`the label ${most} and ${own.length} names of classes`);
  const features = new Float32Array(size * chosen.length);
  for (const [row, vector] of vectors.entries()) features.set(vector, row * size);
  return { features, size, labels, files, classes: own.length > 0 ? own : undefined, total: table.rows };
}

/** A class's number; -1 for what marks none: nothing, or any number below 0. */
function labelOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return -1;
  const label = typeof value === "bigint" || typeof value === "number" ? Number(value) : Number.NaN;
  if (!Number.isInteger(label) || label >= MOST_CLASSES) return undefined;
  return Math.max(label, -1);
}

const shown = (value: unknown) => (typeof value === "bigint" ? String(value) : describeJson(value));

/** A text that its file does not call one comes as bytes. */
const text = (value: unknown) =>
  value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value);

function isVector(value: unknown): value is ArrayLike<number> {
  if (!Array.isArray(value) && !ArrayBuffer.isView(value)) return false;
  const list = value as unknown as ArrayLike<unknown>;
  return list.length > 0 && Array.prototype.every.call(list, (number) => typeof number === "number");
}

function parseClasses(text: string): string[] | undefined {
  try {
    const classes: unknown = JSON.parse(text);
    if (Array.isArray(classes) && classes.every((name) => typeof name === "string")) return classes;
  } catch {
    // Said by the caller.
  }
  return undefined;
}

async function readNumpy(
  path: string,
  choose: (total: number) => ArrayLike<number>,
): Promise<SavedEmbeddings> {
  const paths = numpyPaths(path);
  const embeddings = await openNpy(paths.embeddings, "<f4");
  try {
    const [total, size] = embeddings.shape as [number, number];
    if (embeddings.shape.length !== 2 || size === 0) {
      const got = `the shape ${embeddings.shape.join(" x ")}`;
      throw new SitError("bad-file", `${printable(paths.embeddings)}: expected rows of vectors, got ${got}`);
    }
    const chosen = choose(total);
    const features = new Float32Array((await embeddings.rows(chosen)).buffer);
    // An array of another program has no names and labels beside it.
    const text = await readFile(paths.images, "utf8").catch(() => undefined);
    const names = text === undefined ? undefined : parseImages(paths.images, text, total);
    const files = Array.from(chosen, (row) => names?.images[row]?.file ?? String(row));
    if (text === undefined) {
      const labels = new Int32Array(chosen.length).fill(-1);
      return { features, size, labels, files, classes: undefined, total };
    }
    const saved = await openNpy(paths.labels, "<i4");
    try {
      if (saved.shape.length !== 1 || saved.shape[0] !== total) {
        const got = `the shape ${saved.shape.join(" x ")}`;
        throw new SitError("bad-file", `${printable(paths.labels)}: expected ${total} labels, got ${got}`);
      }
      const labels = new Int32Array((await saved.rows(chosen)).buffer).map((label) => Math.max(label, -1));
      const end = Math.min(names?.classes?.length ?? MOST_CLASSES, MOST_CLASSES);
      const beyond = labels.find((label) => label >= end);
      if (beyond !== undefined) {
        const expected = `expected labels below ${end}, got ${beyond}`;
        throw new SitError("bad-file", `${printable(paths.labels)}: ${expected}`);
      }
      return { features, size, labels, files, classes: names?.classes, total };
    } finally {
      await saved.close();
    }
  } finally {
    await embeddings.close();
  }
}

interface ImageNames {
  readonly images: readonly { readonly file: string }[];
  readonly classes?: readonly string[] | undefined;
}

function parseImages(path: string, text: string, total: number): ImageNames {
  const wrong = (expected: string, got: unknown) =>
    new SitError("bad-file", `${printable(path)}: expected ${expected}, got ${describeJson(got)}`);
  const found = parseJson(text, printable(path)) as { images?: unknown; classes?: unknown } | null;
  const { images, classes } = found ?? {};
  if (!Array.isArray(images) || images.length !== total) throw wrong(`the names of ${total} images`, images);
  const nameless = images.findIndex((image) => typeof image?.file !== "string");
  if (nameless >= 0) throw wrong(`a file for each image`, images[nameless]);
  const named =
    classes === undefined || (Array.isArray(classes) && classes.every((name) => typeof name === "string"));
  if (!named) throw wrong("names of classes", classes);
  return { images, classes: classes as readonly string[] | undefined };
}
