// The budget must fail where something weighs more than it may, and what is published must be whole.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { transformSync } from "esbuild";
import { list } from "tar";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatRows, holdAgainst, makeBudget } from "./lib/budget.mjs";
import { publishedEntries, publishedPackages } from "./lib/entries.mjs";
import { loadedModules } from "./lib/loaded-modules.mjs";
import { packAll } from "./lib/pack.mjs";
import { root } from "./lib/steps.mjs";

let folder;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sitjs-budget-test-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a budget", () => {
  const weights = { one: { tarball: 40.2, modules: 3 }, two: { start: 1.1 } };

  it("holds what it was made of, with a little room", () => {
    const budget = makeBudget(weights);
    expect(budget).toEqual({ one: { tarball: 45, modules: 6 }, two: { start: 1.7 } });
    const { rows, problems } = holdAgainst(weights, budget);
    expect(problems).toEqual([]);
    expect(formatRows(rows)).toContain("one  tarball     40.2 of      45   89 %  kB");
  });

  it("is exceeded by more, and by what is no number", () => {
    const budget = makeBudget(weights);
    expect(holdAgainst({ ...weights, one: { tarball: 45.1, modules: Number.NaN } }, budget).problems).toEqual(
      [
        "one: tarball expected at most 45 kB, got 45.1",
        "one: modules expected at most 6 files loaded at import, without tfjs, got NaN",
      ],
    );
  });

  it("is for all that is measured and for nothing else", () => {
    const { problems } = holdAgainst(
      { one: { tarball: 1, browser: 1 }, three: { start: 1 } },
      makeBudget(weights),
    );
    expect(problems).toEqual([
      "one: browser has no budget",
      "three: start has no budget",
      "one: has a budget of modules, and no value",
      "two: has a budget of start, and no value",
    ]);
  });

  it("is committed for every package and entry", () => {
    const { packages, entries } = JSON.parse(readFileSync(join(root, "budget.json"), "utf8"));
    expect(Object.keys(packages)).toEqual(publishedPackages().map(({ name }) => name));
    expect(Object.keys(entries)).toEqual(publishedEntries().map(({ name }) => name));
  });
});

it("counts the modules that an import loads, not those that its work loads later", async () => {
  const write = (name, text) => writeFileSync(join(folder, `${name}.mjs`), text);
  write("leaf", "export const leaf = globalThis.a;");
  write("shared", 'import { leaf } from "./leaf.mjs"; export const shared = [leaf];');
  write(
    "late",
    'import { shared } from "./shared.mjs"; import fs from "fs"; export const late = [shared, fs];',
  );
  write(
    "entry",
    'import { shared } from "./shared.mjs"; export const f = () => [shared, import("./late.mjs")];',
  );
  expect(await loadedModules(join(folder, "entry.mjs"))).toEqual({ imports: [], modules: 3 });
  expect(await loadedModules(join(folder, "late.mjs"))).toEqual({ imports: ["fs"], modules: 3 });
});

/** Whether a source file has code of its own; types, imports and exports of other files are none. */
function hasCode(file) {
  const { code } = transformSync(readFileSync(file, "utf8"), { loader: "ts" });
  return code.replaceAll(/^(import|export)\b[^;]*\bfrom "[^"]+";/gm, "").trim() !== "";
}

describe("a tarball", () => {
  it("holds what its exports name and the sources of its source maps, and no sources that were not built", async () => {
    mkdirSync(join(folder, "tarballs"));
    const tarballs = await packAll(join(folder, "tarballs"));
    const manifests = publishedPackages();
    expect(tarballs.map(({ name }) => name)).toEqual(manifests.map(({ name }) => name));
    for (const [i, { name, file, files }] of tarballs.entries()) {
      const inside = [];
      await list({ file, onReadEntry: ({ path }) => inside.push(path.replace(/^package\//, "")) });
      expect(inside.sort()).toEqual([...files].sort());

      const { exports, folder: source } = manifests[i];
      const named = Object.values(exports).flatMap((target) =>
        typeof target === "string" ? [target] : Object.values(target),
      );
      const mapped = files
        .filter((path) => path.endsWith(".map"))
        .flatMap((path) => {
          const { sources } = JSON.parse(readFileSync(join(source, path), "utf8"));
          return sources.map((each) => posix.join(posix.dirname(path), each));
        });
      expect(mapped.length, name).toBeGreaterThan(0);
      expect(files).toEqual(
        expect.arrayContaining([
          "README.md",
          "LICENSE",
          ...named.map((path) => posix.normalize(path)),
          ...mapped,
        ]),
      );
      const sources = files.filter((path) => path.startsWith("src/"));
      const unused = sources.filter((path) => !mapped.includes(path) && hasCode(join(source, path)));
      expect(unused, name).toEqual([]);
    }
  });
});
