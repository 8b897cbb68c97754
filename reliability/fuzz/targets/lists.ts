import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Row, readTable } from "../../../packages/data/src/catalogue/lists.js";
import { isCutOff } from "../../../packages/data/src/cut-off.js";
import { readClassNames } from "../../../packages/data/src/formats/class-names.js";
import { sniff } from "../../../packages/data/src/image-format.js";
import { mutateBytes } from "../mutate/bytes.js";
import { mutateText } from "../mutate/text.js";
import { promise, type Target } from "../target.js";

const bytesOf = (text: string) => Uint8Array.from(Buffer.from(text));
const textOf = (file: Uint8Array) => Buffer.from(file).toString();
const tokens = [" ", "\t", "\n", "\r\n", "\r", "#", "\0", "\ufeff", "é", "\u2028", "a", "../x", "1"];

let path = "";
const file = {
  mutate: (content, rng, corpus) =>
    rng.chance(0.2) ? mutateBytes(content, rng, corpus) : mutateText(textOf(content), rng, tokens),
  get source() {
    return path;
  },
  codes: ["bad-file"],
  share: 0.5,
  // A file is opened and closed, whose garbage counts.
  allowed: (size: number) => 200 * size + 2 ** 20,
  open(scratch: string) {
    mkdirSync(scratch, { recursive: true });
    path = join(scratch, "list.txt");
  },
} as const satisfies Partial<Target>;

/** The lists of data sets: columns of ids, names and numbers. */
export const columnList: Target<Map<string, Row>> = {
  ...file,
  name: "lists of images",
  get source() {
    return path;
  },
  corpus: () => ["1 a.jpg\n2 b c.jpg\n\n# no more\n", "1\ta.jpg\r\n2 \t b.jpg\r\n"].map(bytesOf),
  parse(content) {
    writeFileSync(path, content);
    return readTable(path, ["id", "name"]);
  },
  check(table) {
    for (const [id, { cells }] of table)
      promise(id !== "" && !/\s/.test(id) && cells.length === 1 && cells[0] !== "", "an id and a name");
  },
};

const count = 3;

export const classNames: Target<readonly string[] | undefined> = {
  ...file,
  name: "class names",
  get source() {
    return path;
  },
  corpus: () => ["cat\ndog\ngrey owl\n", "cat\r\ndog\r\nbird\r\n\r\n"].map(bytesOf),
  async parse(content) {
    writeFileSync(path, content);
    return await readClassNames(path, count);
  },
  check(names = []) {
    promise(new Set(names).size === count && !names.includes(""), "so many different names");
  },
};

const images = ["grey.jpg", "palette.png", "alpha.webp", "animated.gif", "plain.bmp", "progressive.jpg"];

/** What is looked at of an image before it is decoded: what it is, and whether its end is there. */
export const imageEnds: Target<unknown> = {
  name: "images before decoding",
  takesAll: true,
  corpus: () => images.map((name) => Uint8Array.from(readFileSync(`fixtures/images/${name}`))),
  mutate: mutateBytes,
  source: undefined,
  codes: [],
  parse(content) {
    const bytes = Buffer.from(content.buffer, content.byteOffset, content.length);
    const found = sniff(bytes);
    return "format" in found ? isCutOff(bytes, found.format) : found.is;
  },
  check: (value) => promise(typeof value === "boolean" || typeof value === "string", "an answer"),
};
