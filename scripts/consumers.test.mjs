// What npm run consumers is made of must find what is wrong: on small packages that are, each in one way.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkCommandLine } from "./lib/consumer/command-line.mjs";
import { checkEntries } from "./lib/consumer/entries.mjs";
import { compileExamples, runExamples, writeExamples } from "./lib/consumer/examples.mjs";
import { nodeVersions } from "./lib/consumer/nodes.mjs";
import { publishedPackages } from "./lib/entries.mjs";

let project;
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), "sitjs-consumers-test-"));
  write("package.json", '{ "private": true, "type": "module" }');
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

function write(path, text) {
  const file = join(project, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

/** Installs a package of these files, each of which is an entry where it is JavaScript. */
function install(name, files) {
  const exports = Object.fromEntries(
    Object.keys(files)
      .filter((file) => file.endsWith(".js"))
      .map((file) => [file === "index.js" ? "." : `./${file.slice(0, -3)}`, `./${file}`]),
  );
  write(`node_modules/${name}/package.json`, JSON.stringify({ name, type: "module", exports }));
  for (const [file, text] of Object.entries(files)) {
    if (text !== undefined) write(`node_modules/${name}/${file}`, text);
  }
}

const readme = (...blocks) =>
  `# one\n\nnpm install one\n\n${blocks.map((code) => `\`\`\`ts\n${code}\n\`\`\`\n`).join("\n")}`;

describe("the entries of a package", () => {
  it("pass where import and require give the same", async () => {
    install("one", { "index.js": "export const a = 1;", "b.js": "export const b = 1; export default 2;" });
    expect(await checkEntries(project, ["one", "one/b"])).toEqual([]);
  });

  it("are named where one is missing, not exported, empty, throws or waits at the top", async () => {
    install("one", {
      "index.js": "export const a = 1;",
      "gone.js": undefined,
      "empty.js": "",
      "throws.js": "throw new Error('broken');",
      "waits.js": "export const a = await 1;",
    });
    const problems = await checkEntries(
      project,
      ["", "/gone", "/unknown", "/empty", "/throws", "/waits"].map((path) => `one${path}`),
    );
    expect(problems).toEqual([
      expect.stringMatching(/^one\/gone: import fails: Cannot find module/),
      expect.stringMatching(/^one\/gone: require fails: Cannot find module/),
      expect.stringMatching(/^one\/unknown: import fails: .*not defined by "exports"/),
      expect.stringMatching(/^one\/unknown: require fails: .*not defined by "exports"/),
      "one/empty: import gives nothing",
      "one/empty: require gives nothing",
      "one/throws: import fails: broken",
      "one/throws: require fails: broken",
      expect.stringMatching(/^one\/waits: require fails: .*top-level await/),
    ]);
  });

  it("are all named where the process does not come to its end", async () => {
    install("one", { "index.js": "process.exit(3);" });
    expect(await checkEntries(project, ["one"])).toEqual([
      expect.stringContaining("one: import fails: the process ended with 3"),
      expect.stringContaining("one: require fails: the process ended with 3"),
    ]);
  });
});

describe("the examples of a README", () => {
  it("must be there, and import only what it says to install", () => {
    write("node_modules/none/README.md", "# none\n\n```ts no-check\na\n```\n");
    write("node_modules/one/README.md", readme('import a from "one/b";\nimport b from "@x/two/c";'));
    expect(writeExamples(project, ["none", "one"])).toMatchObject({
      examples: [{ id: "one-6", place: "one README.md:6", run: true }],
      problems: [
        "none README.md has no example",
        "one README.md:6: imports @x/two, which it does not say to install",
      ],
    });
  });

  it("are named with their line where they, or the types they use, do not compile", async () => {
    write("node_modules/@types/node/index.d.ts", "");
    install("one", {
      "index.js": "export const a = 1;",
      "index.d.ts": "export declare const a: number | undefined;\nexport declare const b: Missing;",
      "README.md": readme('import { a } from "one";\nconst b: number = a;\nconsole.log(b);'),
    });
    install("@tensorflow/tfjs-other", { "index.d.ts": "export declare const c: Missing;" });
    write("examples/types.ts", 'export type { c } from "../node_modules/@tensorflow/tfjs-other/index.js";\n');
    const { examples } = writeExamples(project, ["one"]);
    const problems = await compileExamples(project, examples);
    for (const [i, name] of ["nodenext", "bundler"].entries()) {
      const [example, types] = problems.slice(2 * i, 2 * i + 2);
      expect(example).toMatch(/^one README\.md:7:7: error TS2322/);
      expect(types).toMatch(/^node_modules\/one\/index\.d\.ts\(2,25\): error TS2304/);
      for (const problem of [example, types]) expect(problem).toContain(`(moduleResolution ${name})`);
    }
    expect(problems).toHaveLength(4);
  });

  it("are named where they throw, do not end, or were not compiled; images lie beside those that ask", async () => {
    write("photos/a.png", "");
    const examples = ["throws", "waits", "photos", "lost", "alone"].map((id) => ({
      id,
      place: `one README.md:${id}`,
      code: id === "photos" ? 'f("photos")' : "",
      run: true,
    }));
    write("built/throws.js", 'throw new Error("broken");');
    write("built/waits.js", "setInterval(() => {}, 1000);");
    const look = 'import { existsSync } from "node:fs"; process.exit(existsSync("photos/a.png") ? ';
    write("built/photos.js", `${look} 0 : 1);`);
    write("built/alone.js", `${look} 1 : 0);`);
    const problems = await runExamples(project, examples, { photos: join(project, "photos"), seconds: 5 });
    expect(problems.sort()).toEqual([
      "one README.md:lost: was not compiled",
      expect.stringMatching(/^one README\.md:throws: ended with 1\n[\s\S]*broken/),
      expect.stringMatching(/^one README\.md:waits: ended with 143, after 5 s at most/),
    ]);
  });
});

it("a command line that fails, or writes nothing, is told", async () => {
  const commands = mkdirOf("node_modules/.bin");
  const problemsOf = async (script) => {
    const file = join(commands, "sit");
    writeFileSync(file, `#!/usr/bin/env node\n${script}`);
    chmodSync(file, 0o755);
    return await checkCommandLine(project, { photos: project });
  };
  expect(await problemsOf("process.exit(2);")).toEqual([
    expect.stringContaining("sit --help: ended with 2"),
    expect.stringContaining("sit pretrain: ended with 2"),
  ]);
  expect(await problemsOf('console.log("Usage: sit [options]");')).toEqual([
    expect.stringContaining("sit pretrain: wrote no summary"),
  ]);
});

it("the oldest Node that is tried is the oldest that the packages take", () => {
  for (const { name, engines } of publishedPackages()) {
    expect(`${name} ${nodeVersions[0]}`).toBe(`${name} ${engines.node.replace(">=", "")}.0`);
  }
});

function mkdirOf(path) {
  const folder = join(project, path);
  mkdirSync(folder, { recursive: true });
  return folder;
}
