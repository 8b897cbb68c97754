// The checks of .ci/run must fail where they should: what they are made of, on small wrong inputs.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { bundle, load } from "./lib/browser.mjs";
import { findChromium } from "./lib/chromium.mjs";
import { readSnippets } from "./lib/snippets.mjs";
import { serveFolders } from "./lib/static-server.mjs";
import { duration, nodeTooOld, root, runNode } from "./lib/steps.mjs";
import { countTests, describeFailures } from "./lib/vitest-results.mjs";

describe("the browser check", () => {
  it("takes what a browser can load", async () => {
    expect(load(await bundle("globalThis.loaded = [new TextEncoder().encode('a')[0]];"))).toEqual([97]);
  });

  it("refuses a Node module", async () => {
    await expect(bundle('import fs from "node:fs"; globalThis.loaded = fs;')).rejects.toThrow("node:fs");
  });

  it.each(["process.version", "Buffer.from('a')", "require('x')"])("refuses %s", async (code) => {
    const text = await bundle(`globalThis.loaded = ${code.replace("require", "(0, globalThis.require)")};`);
    expect(() => load(text)).toThrow();
  });
});

describe("the server of pages", () => {
  const folder = join(root, "fixtures");
  const statusOf = async (url) => (await fetch(url)).status;

  it("serves the folder of the longest path, with types that browsers insist on, isolated where asked", async () => {
    const server = await serveFolders({ "/": root, "/images/": join(folder, "images") }, { isolated: true });
    try {
      const picture = await fetch(`${server.url}/images/grey.jpg`);
      expect([...new Uint8Array(await picture.arrayBuffer())]).toEqual([
        ...readFileSync(join(folder, "images", "grey.jpg")),
      ]);
      const script = await fetch(`${server.url}/scripts/ci.mjs`);
      expect(script.headers.get("content-type")).toBe("text/javascript");
      expect(script.headers.get("cross-origin-embedder-policy")).toBe("require-corp");
    } finally {
      await server.close();
    }
  });

  it("gives nothing that is not in its folders", async () => {
    const server = await serveFolders({ "/images/": join(folder, "images") });
    try {
      const paths = [
        "/",
        "/images/",
        "/images/none.png",
        "/README.md",
        "/images/..%2FREADME.md",
        "/images/%2e%2e%2fREADME.md",
      ];
      for (const path of paths) expect(await statusOf(`${server.url}${path}`), path).toBe(404);
      for (const path of ["/%E0%A4%A", "/images/%00"])
        expect(await statusOf(`${server.url}${path}`), path).toBe(400);
    } finally {
      await server.close();
    }
  });
});

describe("Chromium", () => {
  it("is the one that CHROMIUM names, else the first on the path", () => {
    const folder = mkdtempSync(join(tmpdir(), "sitjs-chromium-"));
    try {
      const [first, other] = ["chromium", "other"].map((name) => join(folder, name));
      writeFileSync(first, "");
      writeFileSync(other, "");
      const PATH = ["", join(folder, "none"), folder].join(delimiter);
      expect(findChromium({ env: { PATH } })).toBe(first);
      expect(findChromium({ env: { PATH, CHROMIUM: other } })).toBe(other);
      expect(findChromium({ env: { PATH, CHROMIUM: join(folder, "none") } })).toBeUndefined();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe("the snippet reader", () => {
  const text = [
    "# t",
    "```ts",
    "const a = 1;",
    "",
    "a;",
    "```",
    "```sh",
    "npm i",
    "```",
    "- x",
    "  ```ts no-check",
    "  b",
    "  ```",
    "```ts no-run",
    "c;",
    "```",
  ];

  it("finds ts blocks with their lines, and what is not to be checked or run", () => {
    expect(readSnippets(text.join("\n"))).toEqual([
      { line: 3, code: "const a = 1;\n\na;", checked: true, run: true },
      { line: 12, code: "b", checked: false, run: false },
      { line: 15, code: "c;", checked: true, run: false },
    ]);
  });

  it("does not take a fence shown inside a longer fence for its own", () => {
    expect(readSnippets("````md\n```ts\nwrong\n```\n````\n")).toEqual([]);
  });
});

describe("the count of tests", () => {
  const file = (status, ...tests) => ({ status, assertionResults: tests.map((each) => ({ status: each })) });
  const report = (testResults, passed, failed) => ({
    testResults,
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: 0,
  });

  it("passes only where everything passed", () => {
    expect(countTests(report([file("passed", "passed")], 1, 0), 0)).toMatchObject({ passed: 1, failed: 0 });
    expect(countTests(report([file("failed", "passed", "failed")], 1, 1), 1)).toMatchObject({
      passed: 1,
      failed: 1,
    });
  });

  it("counts a file that broke before its tests, an unexplained exit code, no tests and no report as failures", () => {
    expect(countTests(report([file("passed", "passed"), file("failed")], 1, 0), 1)).toMatchObject({
      failed: 1,
    });
    expect(countTests(report([file("passed", "passed")], 1, 0), 1)).toMatchObject({ failed: 1 });
    expect(countTests(report([], 0, 0), 0)).toMatchObject({ failed: 1 });
    expect(countTests(undefined, 0)).toMatchObject({ passed: 0, failed: 1 });
  });
});

describe("what is said of failed tests", () => {
  const test = (fullName, ...failureMessages) => ({
    fullName,
    status: failureMessages.length > 0 ? "failed" : "passed",
    failureMessages,
  });
  const file = (name, assertionResults, message = "") => ({
    name: join(root, name),
    status: message || assertionResults.some(({ status }) => status === "failed") ? "failed" : "passed",
    message,
    assertionResults,
  });

  it("names the file and the test, and says why, without frames of others and colours", () => {
    const why =
      "\u001b[31mError\u001b[39m: 1\n    at /r/a.ts:1:2\n    at f (file:///r/node_modules/x.js:3:4)";
    expect(
      describeFailures(
        { testResults: [file("a.ts", [test("a b", why), test("a c")]), file("b.ts", [test("d")])] },
        root,
      ),
    ).toEqual(["a.ts > a b\n    Error: 1\n        at /r/a.ts:1:2"]);
  });

  it("names a file that broke before its tests", () => {
    expect(describeFailures({ testResults: [file("a.ts", [], "Cannot find x")] }, root)).toEqual([
      "a.ts\n    Cannot find x",
    ]);
  });

  it("is short: of each the first lines, of many the first ones", () => {
    const long = Array.from({ length: 100 }, (_, i) => `line ${i}`).join("\n");
    const tests = Array.from({ length: 12 }, (_, i) => test(`t${i}`, i === 0 ? "x".repeat(9000) : long));
    const texts = describeFailures({ testResults: [file("a.ts", tests)] }, root);
    expect(texts).toHaveLength(11);
    expect(texts[0].length).toBeLessThan(600);
    expect(texts[1].split("\n")).toHaveLength(16);
    expect(texts[10]).toBe("and 2 more");
  });

  it("has nothing where there is no report", () => {
    expect(describeFailures(undefined, root)).toEqual([]);
  });
});

describe("the steps", () => {
  it("refuses a Node that is too old, in one line", () => {
    for (const version of ["20.19.0", "20.20.2", "22.0.0", "24.1.0"])
      expect(nodeTooOld(version)).toBeUndefined();
    for (const version of ["18.20.0", "20.18.3"])
      expect(nodeTooOld(version)).toContain(`Node ${version} is too old`);
  });

  it("passes exit codes on, keeps quiet output and shows copied output", async () => {
    const script = join(root, "scripts", "lib", "steps.mjs");
    expect(
      await runNode("-e", ["console.log('out'); console.error('err'); process.exit(7)"], { quiet: true }),
    ).toEqual({
      code: 7,
      output: expect.stringMatching(/out[\s\S]*err|err[\s\S]*out/),
    });
    const copied = spawnSync(
      process.execPath,
      [
        "--input-type=module",
        "-e",
        `import { runNode } from ${JSON.stringify(pathToFileURL(script))};
        const { output } = await runNode("-e", ["console.log('out'); console.error('err')"], { copied: true });
        if (!output.includes("out") || !output.includes("err")) process.exit(1);`,
      ],
      { encoding: "utf8" },
    );
    expect(copied).toMatchObject({ status: 0, stdout: "out\n", stderr: "err\n" });
    // Loading the helper must not need anything installed.
    const alone = spawnSync(process.execPath, [script], { encoding: "utf8" });
    expect(alone.stderr).toBe("");
  });

  it("says durations as people do", () => {
    expect([400, 12_400, 185_000].map(duration)).toEqual(["0.4 s", "12 s", "3 min 05 s"]);
  });
});

describe.each(["package-lock.json", "interop/package-lock.json"])("the lock file %s", (path) => {
  it("names the binaries of every platform: npm ci fails without them, or leaves other systems without a tool", () => {
    const { packages } = JSON.parse(readFileSync(join(root, path), "utf8"));
    const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter(
        (name) => !(`node_modules/${name}` in packages) && !(`${path}/node_modules/${name}` in packages),
      ),
    );
    expect(missing).toEqual([]);
  });
});
