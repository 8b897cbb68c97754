import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SitError } from "@sitjs/core/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failure, scratchFolder } from "../../../../fixtures/own-folder.js";
import { npyHeader, openNpy } from "./npy.js";
import { type EmbeddingTable, readEmbeddings } from "./read-embeddings.js";
import { numpyNames } from "./write-numpy.js";

const scratch = scratchFolder();
const all = (total: number) => Array.from({ length: total }, (_, i) => i);
const array = (type: "<f4" | "<i4", shape: number[], values: Float32Array | Int32Array) =>
  Buffer.concat([npyHeader(type, shape), new Uint8Array(values.buffer)]);

const whole = {
  embeddings: array("<f4", [2, 2], Float32Array.of(1, 2, 3, 4)),
  labels: array("<i4", [2], Int32Array.of(1, -1)),
  images: JSON.stringify({ classes: ["a", "b"], images: [{ file: "x" }, { file: "y" }] }),
};
const header = (text: string) => {
  const start = Buffer.from("\x93NUMPY\x01\0\0\0", "latin1");
  start.writeUInt16LE(text.length, 8);
  return Buffer.concat([start, Buffer.from(text, "latin1")]);
};

async function folder(files: Partial<Record<keyof typeof whole, string | Uint8Array>>): Promise<string> {
  const path = join(scratch(), "embeddings");
  await mkdir(path, { recursive: true });
  for (const [kind, content] of Object.entries({ ...whole, ...files }))
    await writeFile(join(path, numpyNames[kind as keyof typeof whole]), content);
  return path;
}

describe("a folder of arrays", () => {
  it("is read where it is whole", async () => {
    const { labels, files, classes } = await readEmbeddings(await folder({}), all);
    expect({ labels: [...labels], files, classes }).toEqual({
      labels: [1, -1],
      files: ["x", "y"],
      classes: ["a", "b"],
    });
  });

  it.each([
    [
      "a name that is no text",
      { images: '{"images":[{"file":1},{"file":"y"}]}' },
      "images.json: expected a file for each",
    ],
    [
      "names that are nothing",
      { images: '{"images":[null,{"file":"y"}]}' },
      "images.json: expected a file for each",
    ],
    ["too few names", { images: '{"images":[{"file":"y"}]}' }, "images.json: expected the names of 2 images"],
    ["no object of names", { images: "null" }, "images.json: expected the names of 2 images, got nothing"],
    [
      "classes that are no texts",
      { images: whole.images.replace('"b"', "1") },
      "images.json: expected names of classes",
    ],
    [
      "a label beyond the classes",
      { labels: array("<i4", [2], Int32Array.of(1, 2)) },
      "labels.npy: expected labels below 2, got 2",
    ],
    [
      "a header without end",
      { embeddings: header("\u001b[2J".repeat(5000)) },
      "embeddings.npy: expected a NumPy file of float32",
    ],
  ])("with %s is refused by the file", async (_, files, message) => {
    const error = await failure(readEmbeddings(await folder(files), all));
    expect(error).toMatchObject({ code: "bad-file", message: expect.stringContaining(message) });
    expect(error.message.length).toBeLessThan(scratch().length + 1000);
    expect(error.message).not.toContain("\u001b");
  });
});

it("an array comes back, whatever its shape", async () => {
  const shapes = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(shapes, async (shape) => {
      const count = shape.reduce((product, side) => product * side, 1);
      const values = Float32Array.from({ length: count }, (_, i) => i / 4);
      const path = join(scratch(), "some.npy");
      await writeFile(path, array("<f4", shape, values));
      const file = await openNpy(path, "<f4");
      try {
        expect(file.shape).toEqual(shape);
        expect(new Float32Array((await file.rows(all(shape[0] as number))).buffer)).toEqual(values);
      } finally {
        await file.close();
      }
    }),
    { numRuns: 40 },
  );
});

describe("a table of embeddings", () => {
  const table = (rows: Record<string, unknown>[], notes: Record<string, string> = {}): EmbeddingTable => ({
    path: "some.parquet",
    rows: rows.length,
    columns: ["embedding", "label"].map((name) => ({ element: { name } })),
    notes: new Map(Object.entries(notes)),
    groups: [0, rows.length],
    readGroup: async () => rows,
  });
  const read = (...of: Parameters<typeof table>) => readEmbeddings(table(...of), all);

  it("marks what has no class by -1, and calls classes without a name by their number", async () => {
    const { labels, classes } = await read([
      { embedding: [1], label: -7 },
      { embedding: [2], label: 2n },
    ]);
    expect({ labels: [...labels], classes }).toEqual({ labels: [-1, 2], classes: ["0", "1", "2"] });
  });

  it.each([
    ["a label that claims a million classes", [{ embedding: [1], label: 1_000_000 }], {}],
    ["a label that is a text", [{ embedding: [1], label: "1" }], {}],
    ["a label beyond the named classes", [{ embedding: [1], label: 2 }], { classes: '["a","b"]' }],
    ["vectors of two lengths", [{ embedding: [1] }, { embedding: [1, 2] }], {}],
    ["a vector that is none", [{ embedding: [null] }], {}],
  ] as const)("with %s is refused", async (_, rows, notes) => {
    const error: unknown = await read([...rows], notes).catch((error: unknown) => error);
    expect(SitError.isInstance(error) && error.message).toMatch(
      /^some.parquet: expected a table of embeddings, got/,
    );
  });
});
