// The import rule must catch what it is for: a small copy of the workspace, one wrong import a file.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root, toolScript } from "./lib/steps.mjs";

/** File, what it imports, and the rules that must catch it; none where the import is allowed. */
const cases = [
  // Down the table: allowed.
  ["packages/vit/src/uses-core.ts", "@sitjs/core", []],
  ["packages/augment/src/uses-random.ts", "@sitjs/core/random", []],
  ["packages/data/src/uses-augment.ts", "@sitjs/augment", []],
  ["packages/data/src/uses-files.ts", "node:fs", []],
  ["packages/eval/src/uses-train.ts", "@sitjs/train", []],
  ["packages/engine/src/uses-core.ts", "@sitjs/core/errors", []],
  ["packages/hub/src/uses-vit.ts", "@sitjs/vit", []],
  ["packages/hub/src/node/files.ts", "@sitjs/core/node", []],
  ["packages/data/src/writes-files.ts", "@sitjs/core/node", []],
  ["packages/core/src/node/files.ts", "node:fs", []],
  ["packages/train/src/node/files.ts", "node:fs", []],
  ["packages/train/src/node/writes-files.ts", "@sitjs/core/node", []],
  ["packages/eval/src/report/files.ts", "node:fs", []],
  ["packages/onnx/src/uses-vit.ts", "@sitjs/vit", []],
  ["packages/onnx/src/node/files.ts", "node:fs", []],
  ["apps/sit/src/knows-all.ts", "@sitjs/vit", []],
  ["examples/mask.ts", "@sitjs/masking", []],
  ["packages/losses/src/losses.test.ts", "@sitjs/engine", []],
  ["packages/losses/src/fixture.test.ts", "../../../fixtures/load.js", []],
  ["packages/losses/src/files.test.ts", "node:fs", []],
  // Up or across the table.
  ["packages/core/src/up.ts", "@sitjs/vit", ["imports-of-core"]],
  ["packages/vit/src/across.ts", "@sitjs/losses", ["imports-of-vit"]],
  ["packages/masking/src/across.ts", "@sitjs/losses", ["imports-of-masking"]],
  ["packages/losses/src/across.ts", "@sitjs/masking", ["imports-of-losses"]],
  ["packages/augment/src/whole-core.ts", "@sitjs/core", ["imports-of-augment"]],
  ["packages/data/src/whole-core.ts", "@sitjs/core", ["imports-of-data"]],
  ["packages/train/src/part.ts", "@sitjs/vit", ["imports-of-train"]],
  ["packages/eval/src/part.ts", "@sitjs/data", ["imports-of-eval"]],
  ["packages/onnx/src/part.ts", "@sitjs/data", ["imports-of-onnx"]],
  ["packages/engine/src/part.ts", "@sitjs/train", ["imports-of-engine"]],
  ["packages/hub/src/part.ts", "@sitjs/eval", ["imports-of-hub"]],
  ["packages/vit/src/up.ts", "@sitjs/hub", ["imports-of-vit"]],
  ["packages/vit/src/fixtures.ts", "../../../fixtures/load.js", ["imports-of-vit"]],
  // Node's modules where a browser loads them; also where only a type is wanted, and on demand.
  ["packages/core/src/files.ts", "node:fs", ["no-node-in-browser-packages"]],
  ["packages/vit/src/unprefixed.ts", "path", ["no-node-in-browser-packages"]],
  ["packages/augment/src/files.ts", "node:worker_threads", ["no-node-in-browser-packages"]],
  ["packages/train/src/loop.ts", "node:fs/promises", ["no-node-in-browser-packages"]],
  ["packages/eval/src/knn.ts", "node:os", ["no-node-in-browser-packages"]],
  ["packages/onnx/src/files.ts", "node:fs", ["no-node-in-browser-packages"]],
  ["packages/hub/src/files.ts", "node:fs", ["no-node-in-browser-packages"]],
  ["packages/train/src/reach.ts", "./node/files.js", ["no-node-subpath-in-browser-code"]],
  ["packages/core/src/reach.ts", "./node/files.js", ["no-node-subpath-in-browser-code"]],
  ["packages/vit/src/reach.ts", "@sitjs/core/node", ["no-node-subpath-in-browser-code"]],
  [
    "packages/augment/src/writes-files.ts",
    "@sitjs/core/node",
    ["imports-of-augment", "no-node-subpath-in-browser-code"],
  ],
  ["packages/augment/src/tensors.ts", "@tensorflow/tfjs", ["no-tfjs-in-workers"]],
  // Into another package, the app, or a test.
  ["packages/vit/src/inside.ts", "../../core/src/random.js", ["no-inside-files"]],
  ["packages/losses/src/inside.test.ts", "../../core/src/random.js", ["no-inside-files"]],
  ["apps/sit/src/inside.ts", "../../../packages/core/src/random.js", ["no-inside-files"]],
  ["examples/inside.ts", "../packages/core/src/random.js", ["examples-as-users"]],
  ["examples/deep.ts", "@sitjs/core/src/random.js", ["no-unresolvable"]],
  ["packages/vit/src/deep.ts", "@sitjs/core/src/random.js", ["no-unresolvable"]],
  ["packages/eval/src/app.ts", "@sitjs/app", ["imports-of-eval", "no-app"]],
  ["packages/losses/src/tested.ts", "./losses.test.js", ["no-tests-in-code"]],
];

let folder = "";
const found = new Map();

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sitjs-import-rule-"));
  const write = (path, text) => {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  for (const file of [".dependency-cruiser.cjs", "tsconfig.base.json"])
    cpSync(join(root, file), join(folder, file));
  mkdirSync(join(folder, "node_modules", "@sitjs"), { recursive: true });
  const link = (target, name) =>
    symlinkSync(join(folder, target), join(folder, "node_modules", "@sitjs", name), "junction");
  for (const name of readdirSync(join(root, "packages"))) {
    write(`packages/${name}/src/index.ts`, "export {};\n");
    cpSync(join(root, "packages", name, "package.json"), join(folder, "packages", name, "package.json"));
    link(join("packages", name), name);
  }
  write("packages/core/src/random.ts", "export {};\n");
  write("packages/core/src/errors.ts", "export {};\n");
  write("packages/core/src/node/index.ts", "export {};\n");
  write("apps/sit/package.json", '{ "name": "@sitjs/app", "type": "module", "exports": "./src/index.ts" }');
  write("apps/sit/src/index.ts", "export {};\n");
  link(join("apps", "sit"), "app");
  write("fixtures/load.ts", "export {};\n");
  write(
    "node_modules/@tensorflow/tfjs/package.json",
    '{ "name": "@tensorflow/tfjs", "version": "4.22.0", "main": "index.js" }',
  );
  write("node_modules/@tensorflow/tfjs/index.js", "");
  for (const [path, specifier] of cases) write(path, `import ${JSON.stringify(specifier)};\nexport {};\n`);
  write("packages/masking/src/ring-a.ts", 'import "./ring-b.js";\nexport {};\n');
  write("packages/masking/src/ring-b.ts", 'import "./ring-a.js";\nexport {};\n');
  write(
    "packages/core/src/only-a-type.ts",
    'import type { Stats } from "node:fs";\nexport type A = Stats;\n',
  );
  write("packages/core/src/on-demand.ts", 'export const files = () => import("node:fs");\n');

  for (const { from, rule } of cruise()) found.set(from, [...(found.get(from) ?? []), rule.name].sort());
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The violations that dependency-cruiser reports; its exit code is their number, so failing is what it should. */
function cruise() {
  const args = [
    "--config",
    ".dependency-cruiser.cjs",
    "--output-type",
    "json",
    "packages",
    "apps",
    "examples",
  ];
  const script = toolScript("dependency-cruiser", "depcruise");
  const output = execFileSync(process.execPath, [script, ...args], {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  return JSON.parse(output).summary.violations;
}

describe("the import rule", () => {
  it.each(cases)("%s importing %s: %j", (path, _specifier, rules) => {
    expect(found.get(path) ?? []).toEqual([...rules].sort());
  });

  it("catches a ring of imports, once", () => {
    const rings = [...found].filter(([path]) => path.includes("/ring-"));
    expect(rings.map(([, rules]) => rules)).toEqual([["no-circular"]]);
  });

  it("sees imports of types and imports on demand", () => {
    expect(found.get("packages/core/src/only-a-type.ts")).toEqual(["no-node-in-browser-packages"]);
    expect(found.get("packages/core/src/on-demand.ts")).toEqual(["no-node-in-browser-packages"]);
  });
});
