import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { differences, merge, readResults, writeResults } from "./results.mjs";

const machine = { cpu: "x", cores: 2, instructions: ["avx2"] };
const versions = { node: "20.20.2", torch: "2.13.0" };
const row = (workload, precision, ratio) => ({ workload, precision, ratio });

describe("results of a part", () => {
  it("take the place of the older rows of the same workload and precision only", () => {
    const old = {
      machine,
      versions,
      rows: [row("A", "float32", 1), row("B", "float32", 1)],
      loader: { ratio: 1 },
      start: {},
    };
    const fresh = {
      machine,
      versions,
      rows: [row("A", "bfloat16", 2), row("B", "float32", 2)],
      loader: { ratio: 2 },
    };
    expect(merge(old, fresh)).toEqual({
      machine,
      versions,
      rows: [row("A", "float32", 1), row("A", "bfloat16", 2), row("B", "float32", 2)],
      loader: { ratio: 2 },
      start: {},
    });
    expect(merge(undefined, fresh)).toEqual({
      ...fresh,
      rows: [row("A", "bfloat16", 2), row("B", "float32", 2)],
    });
  });

  it("fit results of the same machine and versions, and say what differs else", () => {
    const old = { machine: structuredClone(machine), versions: structuredClone(versions) };
    expect(differences(old, { machine, versions })).toEqual([]);
    const other = {
      machine: { ...machine, instructions: ["avx2", "fma"] },
      versions: { node: "20.20.2", tensorflow: "2" },
    };
    expect(differences(old, other)).toEqual([
      'instructions ["avx2"] is now ["avx2","fma"]',
      'torch "2.13.0" is now undefined',
      'tensorflow undefined is now "2"',
    ]);
  });
});

describe("the results' file", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "sitjs-results-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("is read back as written, and nothing lies beside it", async () => {
    const file = join(folder, "new", "latest.json");
    expect(readResults(file)).toBeUndefined();
    await writeResults(file, { machine, versions, rows: [row("A", "float32", 1.5)] });
    expect(readResults(file)).toEqual({ machine, versions, rows: [row("A", "float32", 1.5)] });
    expect(readdirSync(join(folder, "new"))).toEqual(["latest.json"]);
  });

  it("stays as it was where the new one cannot be made", async () => {
    const file = join(folder, "kept.json");
    await writeResults(file, { machine, versions });
    const before = readFileSync(file, "utf8");
    const circular = { machine, versions, loader: {} };
    circular.loader = circular;
    await expect(writeResults(file, circular)).rejects.toThrow("circular");
    expect(readFileSync(file, "utf8")).toBe(before);
    expect(readdirSync(folder).filter((name) => name.startsWith("kept"))).toEqual(["kept.json"]);
  });

  it("that holds something else is an error that names it", () => {
    const file = join(folder, "broken.json");
    writeFileSync(file, "{");
    expect(() => readResults(file)).toThrow(`${file}: expected JSON`);
  });
});
