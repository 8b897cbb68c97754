import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openParquet } from "@sitjs/data";
import { afterAll, describe, expect, it, test } from "vitest";
import { type EmbeddingRows, readEmbeddings, type SavedEmbeddings, writeEmbeddings } from "./index.js";

const scratch = mkdtempSync(join(tmpdir(), "sitjs-embeddings-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (...name: string[]) => join(scratch, ...name);
const script = fileURLToPath(new URL("../../../../fixtures/parquet/python.py", import.meta.url));

const size = 3;
const classes = ["cat", "dög"];
/** Image `i` has the vector (i, -i / 2, 1 / 3); every third has no class. */
const vector = (i: number) => [i, -i / 2, Math.fround(1 / 3)];
const label = (i: number) => (i % 3) - 1;

async function* rows(count: number, perPart = 7): AsyncGenerator<EmbeddingRows> {
  for (let first = 0; first < count; first += perPart) {
    const images = Array.from({ length: Math.min(perPart, count - first) }, (_, i) => first + i);
    yield {
      files: images.map((i) => `bild ${i}.png`),
      split: "train",
      labels: Int32Array.from(images, label),
      features: Float32Array.from(images.flatMap(vector)),
      size,
    };
  }
}

const notes = { classes, about: { checkpoint: "runs/x" } };
/** As `sit project` reads them. */
async function read(path: string, choose: (total: number) => ArrayLike<number>): Promise<SavedEmbeddings> {
  if (!path.endsWith(".parquet")) return await readEmbeddings(path, choose);
  const table = await openParquet(path);
  return await readEmbeddings(table, choose).finally(() => table.close());
}

const all = (total: number) => Array.from({ length: total }, (_, i) => i);

/** A Python that has both packages, or undefined. */
function findPython(): string | undefined {
  const candidates = [process.env.SITJS_PYTHON, "python3"].filter((command) => command !== undefined);
  const imports = ["-c", "import numpy, pyarrow.parquet"];
  return candidates.find((command) => spawnSync(command, imports, { timeout: 30_000 }).status === 0);
}

function byPython(python: string, path: string) {
  const { status, stdout, stderr } = spawnSync(python, [script, "read", path], {
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout);
}

describe.each(["x.parquet", "x.npy", "folder"])("%s", (name) => {
  it("comes back, all of it or the rows that are wanted", async () => {
    await writeEmbeddings(at(name), rows(20), notes);
    const saved = await read(at(name), all);
    expect(saved).toMatchObject({ size, total: 20, classes });
    expect([...saved.features]).toEqual(all(20).flatMap(vector));
    expect([...saved.labels]).toEqual(all(20).map(label));
    expect(saved.files).toEqual(all(20).map((i) => `bild ${i}.png`));
    const some = await read(at(name), () => [17, 4]);
    expect([...some.features]).toEqual([17, 4].flatMap(vector));
    expect(some.files).toEqual(["bild 17.png", "bild 4.png"]);
  });

  it("is not there where the images fail, and nothing beside it", async () => {
    mkdirSync(at(`failing ${name}`));
    const failing = async function* () {
      yield* rows(5);
      throw new Error("no more");
    };
    const out = at(`failing ${name}`, name);
    await expect(writeEmbeddings(out, failing(), notes)).rejects.toThrow(/^no more$/);
    expect(readdirSync(at(`failing ${name}`))).toEqual([]);
  });
});

test("many rows are written in groups, and read by pyarrow", async ({ skip }) => {
  await writeEmbeddings(at("many.parquet"), rows(9000, 250), notes);
  const saved = await read(at("many.parquet"), () => [8999]);
  expect([...saved.features]).toEqual(vector(8999));
  const python = findPython();
  if (python === undefined) return skip("no Python with numpy and pyarrow here (SITJS_PYTHON)");
  const theirs = byPython(python, at("many.parquet"));
  expect(theirs.groups).toBe(3);
  expect(theirs.types).toMatchObject({ file: "string", label: "int32", class: "string" });
  expect(theirs.types.embedding).toMatch(/^list<element: float/);
  expect(JSON.parse(theirs.notes.sit)).toEqual(notes.about);
  expect(JSON.parse(theirs.notes.classes)).toEqual(classes);
  expect(theirs.rows).toHaveLength(9000);
  for (const i of [0, 1, 5, 8999]) {
    const known = label(i) >= 0;
    expect(theirs.rows[i]).toEqual({
      file: `bild ${i}.png`,
      split: "train",
      label: known ? label(i) : null,
      class: known ? classes[label(i)] : null,
      embedding: vector(i),
    });
  }
});

test("NumPy reads the arrays", async ({ skip }) => {
  await writeEmbeddings(at("arrays"), rows(5), notes);
  // By NumPy's description of the format: magic, version, length of the header, header, values.
  const bytes = readFileSync(at("arrays", "labels.npy"));
  expect(bytes.toString("latin1", 0, 8)).toBe("\x93NUMPY\x01\x00");
  expect((10 + bytes.readUInt16LE(8)) % 64).toBe(0);
  expect(bytes.toString("latin1", 10, 128).trimEnd()).toBe(
    "{'descr': '<i4', 'fortran_order': False, 'shape': (5,), }",
  );
  const python = findPython();
  if (python === undefined) return skip("no Python with numpy and pyarrow here (SITJS_PYTHON)");
  expect(byPython(python, at("arrays", "embeddings.npy"))).toEqual({
    dtype: "float32",
    shape: [5, 3],
    values: all(5).map(vector),
  });
  expect(byPython(python, at("arrays", "labels.npy")).values).toEqual(all(5).map(label));
});

test("a folder with other files is left alone", async () => {
  mkdirSync(at("photos"));
  writeFileSync(at("photos", "mine.jpg"), "picture");
  await expect(writeEmbeddings(at("photos"), rows(3), notes)).rejects.toThrow(
    /--out .*photos: expected a new name.* got a folder with mine\.jpg in it/,
  );
  expect(existsSync(at("photos", "mine.jpg"))).toBe(true);
});

test("files that are none, or cut off, are named", async () => {
  await expect(readEmbeddings(at("nowhere.npy"), all)).rejects.toMatchObject({ code: "missing-file" });
  await writeEmbeddings(at("cut.npy"), rows(5), notes);
  writeFileSync(at("cut.npy"), readFileSync(at("cut.npy")).subarray(0, 150));
  await expect(readEmbeddings(at("cut.npy"), all)).rejects.toThrow(/cut\.npy: .* got 150 bytes for 5 rows/);
});

test.each<[string, Record<string, unknown>, string]>([
  ["no column embedding", { file: "a" }, "no column embedding"],
  ["a null", { embedding: null }, "no list of numbers in row 0"],
  ["texts", { embedding: ["1"] }, "no list of numbers in row 0"],
  ["a label that is no class", { embedding: [1], label: 2 ** 40 }, "the label 1099511627776 in row 0"],
])("a table with %s is named", async (_, row, message) => {
  const table = {
    path: "t.parquet",
    rows: 1,
    columns: Object.keys(row).map((name) => ({ element: { name } })),
    notes: new Map<string, string>(),
    groups: [0, 1],
    readGroup: async () => [row],
  };
  await expect(readEmbeddings(table, all)).rejects.toMatchObject({
    code: "bad-file",
    message: `t.parquet: expected a table of embeddings, got ${message}`,
  });
  const torn = {
    ...table,
    columns: [{ element: { name: "embedding" } }],
    notes: new Map([["classes", "{"]]),
  };
  const good = { ...torn, readGroup: async () => [{ embedding: [1] }] };
  await expect(readEmbeddings(good, all)).rejects.toThrow(/got names of classes that are no list of texts$/);
});

test("a Parquet file that is changed anywhere gives a SitError or rows", async () => {
  await writeEmbeddings(at("whole.parquet"), rows(6), notes);
  const whole = readFileSync(at("whole.parquet"));
  let refused = 0;
  for (let place = 4; place < whole.length - 8; place += 7) {
    const bytes = Buffer.from(whole);
    bytes[place] = (bytes[place] as number) ^ (1 << (place % 8));
    writeFileSync(at("changed.parquet"), bytes);
    const result = await read(at("changed.parquet"), all).catch((error: unknown) => error);
    if (!(result instanceof Error)) continue;
    refused++;
    expect(result).toMatchObject({ name: "SitError", code: "bad-file" });
  }
  expect(refused).toBeGreaterThan(10);
});
