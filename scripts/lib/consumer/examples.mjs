// The examples of the packages' READMEs in a project that has the packages installed: compiled as a strict user
// would, then run as plain JavaScript.
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readSnippets } from "../snippets.mjs";
import { runNode, toolScript } from "../steps.mjs";

/**
 * A block of a README: `id` names its file, `place` says where it is, as "@sitjs/vit README.md:12".
 * @typedef {{ id: string, place: string, code: string, run: boolean }} Example
 */

/** What the examples are compiled with: all that `strict` leaves out, and the packages' own types too. */
const strictOptions = {
  target: "ES2022",
  lib: ["ES2023", "DOM", "DOM.Iterable"],
  types: ["node"],
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  verbatimModuleSyntax: true,
  skipLibCheck: false,
};

/** Two users' projects: the first writes JavaScript, which the second takes in unchecked. */
const projects = {
  nodenext: {
    include: ["examples/*.ts"],
    compilerOptions: { module: "NodeNext", outDir: "built", sourceMap: true },
  },
  bundler: {
    include: ["examples/*.ts", "built/*.js"],
    compilerOptions: {
      module: "ESNext",
      moduleResolution: "bundler",
      noEmit: true,
      allowJs: true,
      checkJs: false,
    },
  },
};

/**
 * Writes the examples of the installed READMEs into `examples` of the project.
 * @param {string} project
 * @param {string[]} packages their names
 * @returns {{ examples: Example[], problems: string[] }} a package without an example is a problem, and so is one
 *   that imports what its README does not say to install
 */
export function writeExamples(project, packages) {
  mkdirSync(join(project, "examples"), { recursive: true });
  const examples = [];
  const problems = [];
  for (const name of packages) {
    const text = readFileSync(join(project, "node_modules", name, "README.md"), "utf8");
    const installed = [...text.matchAll(/^npm install (.*)$/gm)].flatMap(([, words]) => words.split(" "));
    const snippets = readSnippets(text).filter(({ checked }) => checked);
    if (snippets.length === 0) problems.push(`${name} README.md has no example`);
    for (const { line, code, run } of snippets) {
      const id = `${name.replace(/^@.*\//, "")}-${line}`;
      const place = `${name} README.md:${line}`;
      const missing = importedPackages(code).filter((each) => !installed.includes(each));
      if (missing.length > 0) problems.push(`${place}: imports ${missing}, which it does not say to install`);
      // As many empty lines as stand before it: compiler and stack traces then count lines as the README does.
      writeFileSync(join(project, "examples", `${id}.ts`), `${"\n".repeat(line - 1)}${code}\nexport {};\n`);
      examples.push({ id, place, code, run });
    }
  }
  return { examples, problems };
}

/** The packages that a module's text imports, but for Node's. */
function importedPackages(code) {
  const specifiers = [...code.matchAll(/\b(?:from|import)\s*\(?\s*"([^"]+)"/g)].map(([, each]) => each);
  const names = specifiers
    .filter((each) => !/^(node:|\.)/.test(each))
    .map((each) =>
      each
        .split("/")
        .slice(0, each.startsWith("@") ? 2 : 1)
        .join("/"),
    );
  return [...new Set(names)];
}

/**
 * Compiles the examples, into `built` of the project, as a strict user of each kind of module resolution would.
 * @param {string} project
 * @param {Example[]} examples as written there
 * @returns {Promise<string[]>} the compiler's complaints
 */
export async function compileExamples(project, examples) {
  const problems = [];
  for (const [name, { include, compilerOptions }] of Object.entries(projects)) {
    const file = join(project, `tsconfig.${name}.json`);
    writeFileSync(
      file,
      JSON.stringify({ compilerOptions: { ...strictOptions, ...compilerOptions }, include }),
    );
    const { code, output } = await runNode(
      toolScript("typescript", "tsc"),
      ["-p", file, "--pretty", "false"],
      { quiet: true, cwd: project },
    );
    if (code === 0) continue;
    const complaints = output.trim().split(/\n(?=\S)/);
    const ours = complaints.filter((complaint) => !isOfTfjs(complaint));
    problems.push(...ours.map((each) => `${placeOf(each, examples)} (moduleResolution ${name})`));
  }
  return problems;
}

/** tfjs 4.22's own types do not pass: they name a type of `long` without its types, and its layers are not `strict`. */
const isOfTfjs = (complaint) => complaint.startsWith("node_modules/@tensorflow/tfjs-");

/** examples/vit-12.ts(14,3): error …  ->  @sitjs/vit README.md:14:3: error … */
function placeOf(complaint, examples) {
  return complaint.replace(/^examples\/(.+)\.ts\((\d+),(\d+)\)/, (whole, id, line, column) => {
    const place = examples.find((example) => example.id === id)?.place.replace(/\d+$/, "");
    return place === undefined ? whole : `${place}${line}:${column}`;
  });
}

/**
 * Runs compiled examples, two at a time, each in an empty folder of its own with the images beside it where it names
 * `photos`.
 * @param {string} project
 * @param {Example[]} examples
 * @param {{ photos: string, node?: string, seconds?: number }} options `photos`: a folder of images; `node`: the binary;
 *   `seconds`: how long each may take
 * @returns {Promise<string[]>} for each that failed, where it stands and what it printed
 */
export async function runExamples(project, examples, options) {
  const problems = [];
  const waiting = [...examples];
  const work = async () => {
    for (let example = waiting.shift(); example !== undefined; example = waiting.shift()) {
      const problem = await runExample(project, example, options);
      if (problem !== undefined) problems.push(`${example.place}: ${problem}`);
    }
  };
  await Promise.all([work(), work()]);
  return problems;
}

async function runExample(project, { id, code: text }, { photos, node = process.execPath, seconds = 120 }) {
  const script = join(project, "built", `${id}.js`);
  if (!existsSync(script)) return "was not compiled";
  const folder = join(project, "work", id);
  mkdirSync(folder, { recursive: true });
  if (/"photos"/.test(text)) cpSync(photos, join(folder, "photos"), { recursive: true });
  const { code, output } = await runNode("--enable-source-maps", [script], {
    quiet: true,
    cwd: folder,
    node,
    timeout: seconds * 1000,
  });
  if (code === 0) return undefined;
  return `ended with ${code}${code === 143 ? `, after ${seconds} s at most` : ""}\n${output.trim()}`;
}
