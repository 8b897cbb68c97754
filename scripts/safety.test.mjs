// What docs/security.md promises of the code: every exception is listed here with its reason.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { findUnsafe, findUnsafeIn } from "./lib/safety.mjs";
import { root, runGit } from "./lib/steps.mjs";

/** All that has code. `it("knows every folder")` holds the list against the repository. */
const folders = [
  "packages",
  "apps",
  "scripts",
  "benchmarks",
  "browser",
  "docs",
  "examples",
  "experiments",
  "fixtures",
  "interop",
  "reliability",
];

const named = "loads a module by a name that is no constant";
const shell = "starts a shell";

/** File, rule and part of the line of what is there, and why it may be. */
const allowed = [
  [
    "apps/sit/src/command-line/config-file.ts",
    named,
    "import(pathToFileURL(file)",
    "a config file is the user's own program: --config names it, nothing else does",
  ],
  [
    "packages/augment/src/transforms.ts",
    named,
    "import(/* @vite-ignore */",
    "moduleTransform takes a module of the user's own code; specs never come from data",
  ],
  [
    "packages/augment/src/kernels.test.ts",
    named,
    "../kernels/build.mjs",
    "a constant, as an address: the builder has no types",
  ],
  [
    "scripts/lib/app-program.mjs",
    named,
    "await import(pathToFileURL(outfile",
    "a constant, as an address: the app's own command line, bundled the moment before",
  ],
  [
    "scripts/command-lines.test.mjs",
    named,
    '"src", "program.ts"',
    "a constant, as an address: the types of the app's sources are not those of the scripts",
  ],
  [
    "examples/examples.test.ts",
    named,
    "await import(file)",
    "the examples of this repository, one after the other",
  ],
  [
    "reliability/run.mjs",
    named,
    "await import(pathToFileURL(join(folder",
    "the name is one of a list of parts",
  ],
  [
    "reliability/growth.mjs",
    named,
    "await import(outfile)",
    "the fuzzer's own parsers, bundled the moment before",
  ],
  [
    "reliability/fuzz/run.mjs",
    named,
    "await import(list)",
    "the fuzzer's own targets, bundled the moment before",
  ],
  [
    "fixtures/torch/make.py",
    "reads objects that run code",
    "",
    "makes the pickles that our reader is tested with, from what it holds itself",
  ],
  [
    "benchmarks/run.mjs",
    named,
    "await import(pathToFileURL(join(folder",
    "the name is one of a list of benchmarks",
  ],
  [
    "packages/data/src/sources/npm-package.ts",
    shell,
    "shell",
    "npm on Windows; all arguments are constants of the file and of the data sets",
  ],
  [
    "packages/engine/src/host.ts",
    shell,
    'command === "npm"',
    "npm on Windows; all arguments are constants of the recipe, which the tests of both callers look at",
  ],
  [
    "scripts/lib/steps.mjs",
    shell,
    'process.platform === "win32"',
    "npm on Windows, where no npm has started us; run by people who develop this repository",
  ],
  ["scripts/lib/steps.mjs", shell, "shell,", "passes the line above on"],
  [
    "packages/data/src/folder-faults.test.ts",
    "listens beyond this machine",
    'server.listen(join(path, "socket.jpg")',
    "a socket in a folder of the test, no port",
  ],
  [
    "apps/sit/src/output/parse-report.ts",
    "makes objects of its own while it parses",
    "JSON.parse(text",
    "makes byte arrays of base64 texts, nothing else",
  ],
  [
    "packages/data/src/catalogue/pascal-voc.ts",
    "plain HTTP",
    "homepage: `http://host.robots.ox.ac.uk",
    "the makers' page, told to people to read; nothing is fetched from it",
  ],
  [
    "packages/engine/src/kernels/release-memory.test.ts",
    "runs text as code",
    "node:vm",
    "a constant, by which a test asks V8 for a garbage collection",
  ],
  [
    "scripts/lib/browser.mjs",
    "runs text as code",
    "node:vm",
    "loads our own bundle as a browser would; it is no sandbox and needs none",
  ],
];

const isAllowed = ({ file, rule, code }) =>
  allowed.some(([path, what, part]) => path === file && what === rule && code.includes(part));

describe("the code", () => {
  const self = "scripts/safety.test.mjs";
  const findings = findUnsafe(root, folders).filter(({ file }) => file !== self);

  it("has nothing unsafe but what is listed with its reason", () => {
    expect(findings.filter((finding) => !isAllowed(finding))).toEqual([]);
  });

  it("lies in folders that are all looked at", async () => {
    const { code, output } = await runGit(["ls-files", "-z"]);
    // An archive of the sources is no repository.
    if (code !== 0) return;
    const others = output.split("\0").filter((path) => path.includes("/") && !path.startsWith("."));
    expect([...new Set(others.map((path) => path.split("/")[0]))].sort()).toEqual([...folders].sort());
  });

  it("has all that is listed", () => {
    const unused = allowed.filter(
      (entry) =>
        !findings.some(({ file, rule, code }) => {
          const [path, what, part] = entry;
          return path === file && what === rule && code.includes(part);
        }),
    );
    expect(unused).toEqual([]);
  });
});

/** A line, the rule that must catch it. */
const planted = [
  ['const address = "http://example.org/data.tar.gz";', "plain HTTP"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a template of the planted code.
  ["fetch(`http://example.org/${name}`);", "plain HTTP"],
  ["eval(text);", "runs text as code"],
  ["globalThis.eval(text);", "runs text as code"],
  ["new Function(text)();", "runs text as code"],
  ["Function('a', text);", "runs text as code"],
  ['import vm from "node:vm";', "runs text as code"],
  ['const vm = await import("vm");', "runs text as code"],
  ["new Worker(text, { eval: true });", "runs text as code"],
  ["spawn(command, { shell: true });", shell],
  ['spawn(command, { shell: "/bin/sh" });', shell],
  ["spawn(command, { shell });", shell],
  ['import { exec } from "node:child_process";', shell],
  ['import { execSync as run } from "child_process";', shell],
  ["await import(name);", named],
  ["require(name);", named],
  ["server.listen(8080);", "listens beyond this machine"],
  ["server.listen();", "listens beyond this machine"],
  ['server.listen(0, "0.0.0.0");', "listens beyond this machine"],
  ["server.listen({ port: 0 });", "listens beyond this machine"],
  ["server.listen(port, host);", "listens beyond this machine"],
  ["createServer(answer).listen(0);", "listens beyond this machine"],
  ['server["listen"](8080);', "listens beyond this machine"],
  ['const host = "0.0.0.0";', "listens beyond this machine"],
  ['run(tool, ["dev", "--host"]);', "listens beyond this machine"],
  ["new WebSocketServer({ port: 8080 });", "listens beyond this machine"],
  ["JSON.parse(text, revive);", "makes objects of its own while it parses"],
  ["request(url, { rejectUnauthorized: false });", "trusts any certificate"],
];
const plantedPython = [
  ["data = pickle.load(file)", "reads objects that run code"],
  ["state = torch.load(path)", "reads objects that run code"],
  ["array = numpy.load(path, allow_pickle=True)", "reads objects that run code"],
  ["exec(text)", "runs text as code"],
  ["subprocess.run(line, shell=True)", shell],
  ["os.system(line)", shell],
  ['url = "http://example.org/"', "plain HTTP"],
  ['server = HTTPServer(("", 8000), Handler)', "listens beyond this machine"],
  ['socket.bind(("0.0.0.0", 8000))', "listens beyond this machine"],
  ['run([python, "-m", "http.server"])', "listens beyond this machine"],
];
const harmless = [
  'server.listen(0, "127.0.0.1");',
  'server.listen({ port: 0, host: "localhost" });',
  'run(tool, ["dev", "--host", "127.0.0.1"]);',
  'new WebSocketServer({ port: 0, host: "127.0.0.1" });',
  'fetch("http://127.0.0.1:8080/");',
  'const svg = "http://www.w3.org/2000/svg";',
  "// http://example.org/ in a comment, eval(too)",
  "pattern.exec(text); JSON.parse(text); spawn(command, { shell: false });",
  'await import("tar"); model.eval();',
];

describe("the check", () => {
  it.each(planted)("finds %s", (line, rule) => {
    const text = `// a file\n${line}\n`;
    const found = findUnsafeIn("packages/a/src/a.ts", text);
    expect(found).toContainEqual({ file: "packages/a/src/a.ts", line: 2, rule, code: line });
    expect(new Set(found.map((finding) => finding.rule))).toEqual(new Set([rule]));
  });

  it.each(plantedPython)("finds %s in Python", (line, rule) => {
    expect(findUnsafeIn("benchmarks/a.py", `\n${line}\n`)).toMatchObject([{ line: 2, rule }]);
  });

  it.each(harmless)("leaves %s alone", (line) => {
    expect(findUnsafeIn("packages/a/src/a.mjs", line)).toEqual([]);
  });

  it("leaves Python's model.eval() alone, and finds plain HTTP in other texts", () => {
    expect(findUnsafeIn("benchmarks/a.py", "model.eval()\nre.compile(pattern)")).toEqual([]);
    expect(findUnsafeIn("packages/a/a.json", '{ "url": "http://example.org" }')).toHaveLength(1);
    expect(findUnsafeIn("packages/a/a.sh", "curl http://example.org")).toHaveLength(1);
  });

  it("looks into every folder, and not into what is installed or built", () => {
    const scratch = mkdtempSync(join(tmpdir(), "sitjs-safety-"));
    try {
      for (const folder of ["packages/a/src/deep", "packages/a/node_modules/b", "packages/a/dist"]) {
        mkdirSync(join(scratch, folder), { recursive: true });
        writeFileSync(join(scratch, folder, "planted.ts"), "eval(text);\n");
      }
      expect(findUnsafe(scratch, ["packages"]).map(({ file }) => file)).toEqual([
        "packages/a/src/deep/planted.ts",
      ]);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  });
});
