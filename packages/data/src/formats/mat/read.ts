import { inflateSync } from "node:zlib";
import { printable, SitError } from "@sitjs/core/errors";
import { readPlain } from "../../idx-dataset.js";
import { reason } from "../../image-error.js";
import { dataType, type Element, Elements } from "./elements.js";
import type { MatText, MatValue } from "./values.js";

const headerBytes = 128;
/** Structs and cells inside each other; more is no data of anybody. */
const maximumDepth = 32;

/** The numbers of MATLAB's classes; those from 6 to 15 are numbers. */
const arrayClass = { cell: 1, struct: 2, char: 4, sparse: 5, double: 6, uint64: 15 } as const;
const complexFlag = 0x0800;

export interface MatOptions {
  /** What messages call the file. */
  readonly name?: string;
  /** The variables to read; default: all. Others are passed over, whatever is in them. */
  readonly wanted?: readonly string[];
  /** The most that compressed variables may hold, all together; default 64 MiB. */
  readonly maximumBytes?: number;
}

/** As `parseMat`, of a file. */
export async function readMat(path: string, wanted: readonly string[]): Promise<Map<string, MatValue>> {
  return parseMat(await readPlain(path), { name: path, wanted });
}

/**
 * Reads the variables of a MAT-file of level 5, as MATLAB writes with `-v6` and `-v7` and SciPy with `savemat`: numbers,
 * texts, cells and structs (MathWorks, "MAT-File Format"). Sparse and complex arrays, objects and functions are refused.
 * @throws SitError "bad-file" naming the file and the byte
 */
export function parseMat(bytes: Uint8Array, options: MatOptions = {}): Map<string, MatValue> {
  const { name = "mat file", wanted, maximumBytes = 2 ** 26 } = options;
  const littleEndian = readHeader(bytes, name);
  const file = new Elements(
    bytes.subarray(headerBytes),
    littleEndian,
    (at) => `${name}: byte ${headerBytes + at}`,
  );
  const variables = new Map<string, MatValue>();
  let left = maximumBytes;
  while (!file.done) {
    const element = file.next("a variable");
    let variable: readonly [Element, Elements];
    if (element.type === dataType.compressed) {
      const content = inflate(element, left, file);
      left -= content.length;
      const where = `${name}: byte ${headerBytes + element.at}: byte`;
      const elements = new Elements(
        content,
        littleEndian,
        (at) => `${where} ${at} of what is compressed there`,
      );
      variable = [elements.nextMatrix("a variable"), elements];
    } else if (element.type === dataType.matrix) variable = [element, file];
    else return file.fail(element.at, "a variable (data type 14 or 15)", `data type ${element.type}`);
    const found = readMatrix(...variable, 0, wanted);
    // Without a name it is what MATLAB keeps for objects and functions.
    if (found === undefined || found.name === "") continue;
    if (variables.has(found.name)) {
      file.fail(element.at, "each variable once", `${JSON.stringify(printable(found.name))} again`);
    }
    variables.set(found.name, found.value);
  }
  return variables;
}

/** Checks the header; returns whether numbers begin with their lowest byte. */
function readHeader(bytes: Uint8Array, name: string): boolean {
  const fail = (got: string): never => {
    throw new SitError("bad-file", `${name}: expected a MAT-file of level 5, got ${got}`);
  };
  if (bytes.length < headerBytes) fail(`a file of ${bytes.length} bytes`);
  const mark = String.fromCharCode(...bytes.subarray(126, 128));
  if (mark !== "IM" && mark !== "MI") fail("a file without its mark at byte 126");
  const littleEndian = mark === "IM";
  const version = littleEndian ? (bytes[125] as number) : (bytes[124] as number);
  if (version === 2) fail("one of version 7.3, which is HDF5 (save it with -v7)");
  if (version !== 1) fail(`version ${version}`);
  return littleEndian;
}

function inflate(element: Element, limit: number, file: Elements): Uint8Array {
  if (limit <= 0) return file.fail(element.at, "no more compressed data", "another variable");
  try {
    return inflateSync(element.bytes, { maxOutputLength: limit });
  } catch (error) {
    return file.fail(element.at, `whole zlib data of at most ${limit} bytes`, reason(error));
  }
}

interface Named {
  readonly name: string;
  readonly value: MatValue;
}

/** A matrix, or undefined for one of the outermost that is not wanted. */
function readMatrix(
  matrix: Element,
  parent: Elements,
  depth: number,
  wanted?: readonly string[],
): Named | undefined {
  if (depth > maximumDepth)
    parent.fail(matrix.at, `at most ${maximumDepth} values inside each other`, "more");
  // What MATLAB writes for an empty cell.
  if (matrix.bytes.length === 0)
    return { name: "", value: { kind: "numbers", shape: [0, 0], data: new Float64Array() } };
  const elements = parent.inside(matrix);
  const flags = elements.nextNumbers("the flags of an array")[0] ?? 0;
  const kind = flags & 0xff;
  const known = (kind >= arrayClass.double && kind <= arrayClass.uint64) || [1, 2, 4, 5].includes(kind);
  if (!known && depth === 0 && wanted !== undefined) return undefined;
  if (!known) elements.fail(0, "numbers, a text, cells or structs", `an array of class ${kind}`);
  const shape = readShape(elements);
  const name = latin1(elements.next("the name of an array"));
  if (depth === 0 && wanted !== undefined && !wanted.includes(name)) return undefined;
  const count = shape.reduce((product, n) => product * n, 1);
  if (kind === arrayClass.sparse) elements.fail(0, "a full array", "a sparse one");
  if ((flags & complexFlag) !== 0) elements.fail(0, "real numbers", "complex ones");
  if (kind === arrayClass.cell) {
    return { name, value: { kind: "cells", shape, cells: readAll(elements, count, depth) } };
  }
  if (kind === arrayClass.struct) return { name, value: readStructs(elements, shape, count, depth) };
  if (kind === arrayClass.char) return { name, value: readText(elements, shape, count) };
  const data = elements.nextNumbers("the numbers of an array");
  if (data.length !== count)
    elements.fail(0, `${count} numbers of shape [${shape.join(", ")}]`, String(data.length));
  return { name, value: { kind: "numbers", shape, data } };
}

function readShape(elements: Elements): number[] {
  const shape = [...elements.nextNumbers("the sizes of an array")];
  const whole = shape.every((n) => Number.isInteger(n) && n >= 0);
  const count = shape.reduce((product, n) => product * n, 1);
  if (shape.length < 2 || shape.length > 32 || !whole || count > 2 ** 31) {
    elements.fail(
      0,
      "2 to 32 sizes of an array, of at most 2^31 elements",
      `[${shape.slice(0, 8).join(", ")}]`,
    );
  }
  return shape;
}

/** So many matrices, one after the other. */
function readAll(elements: Elements, count: number, depth: number): MatValue[] {
  if (count > elements.room) elements.fail(0, `${count} values`, `room for ${elements.room}`);
  return Array.from({ length: count }, () => {
    return (readMatrix(elements.nextMatrix("a value"), elements, depth + 1) as Named).value;
  });
}

function readStructs(elements: Elements, shape: number[], count: number, depth: number): MatValue {
  const length = elements.nextNumbers("the length of the names of fields")[0] ?? 0;
  const names = latin1(elements.next("the names of fields"));
  if (!(length >= 1) || names.length % length !== 0) {
    elements.fail(0, `names of fields of ${length} bytes each`, `${names.length} bytes`);
  }
  const fields = new Map<string, MatValue[]>();
  for (let at = 0; at < names.length; at += length) {
    const [name = ""] = names.slice(at, at + length).split("\0");
    if (fields.has(name)) elements.fail(0, "each field once", `${JSON.stringify(printable(name))} again`);
    fields.set(name, []);
  }
  const values = readAll(elements, count * fields.size, depth);
  const columns = [...fields.values()];
  for (const [i, value] of values.entries()) columns[i % columns.length]?.push(value);
  return { kind: "structs", shape, fields };
}

function readText(elements: Elements, shape: number[], count: number): MatText {
  const element = elements.next("the characters of a text");
  const characters = charactersOf(element, elements);
  if (characters.length !== count) {
    elements.fail(
      element.at,
      `${count} characters of shape [${shape.join(", ")}]`,
      String(characters.length),
    );
  }
  const height = count === 0 ? 0 : (shape[0] as number);
  const width = height === 0 ? 0 : count / height;
  const rows = Array.from({ length: height }, (_, row) => {
    return Array.from({ length: width }, (_, column) => characters[row + height * column]).join("");
  });
  return { kind: "text", shape, rows };
}

/** The UTF-16 units of a text, of which MATLAB's sizes are counted, or its characters where they are counted. */
function charactersOf(element: Element, elements: Elements): readonly string[] {
  if (element.type === dataType.utf8) {
    try {
      return Array.from(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(element.bytes));
    } catch {
      return elements.fail(element.at, "a text in UTF-8", "bytes that are not");
    }
  }
  const type = element.type === dataType.utf16 ? dataType.uint16 : element.type;
  const codes = elements.numbers({ ...element, type }, "the characters of a text");
  return Array.from(codes, (code) => {
    if (!Number.isInteger(code) || code < 0 || code > 0xffff) {
      elements.fail(element.at, "characters from 0 to 65535", String(code));
    }
    return String.fromCharCode(code);
  });
}

/** The bytes of names, which are ASCII, each as a character. */
function latin1({ bytes }: Element): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
