// Every ```ts block of the READMEs and docs is type-checked against the built packages, as a user would have them.
// A block is a module of its own. "```ts no-check" is for sketches that cannot compile; they are counted.
// Every `sit …`, `npm run …` and `node ….mjs` of their sh blocks is read by the app's own parser, or looked for; of those
// that a sentence names, command and options.
// Run after the build.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { appProgram } from "./lib/app-program.mjs";
import { commandProblem, readCommandLines } from "./lib/command-lines.mjs";
import { installInterop } from "./lib/prepare.mjs";
import { readSnippets } from "./lib/snippets.mjs";
import { root, runNode, toolScript } from "./lib/steps.mjs";

const folder = join(root, "dist", "snippets");
const readmes = ["packages", "apps"].flatMap((parent) =>
  readdirSync(join(root, parent)).map((name) => `${parent}/${name}/README.md`),
);
const docs = readdirSync(join(root, "docs"), { recursive: true })
  .map((path) => `docs/${String(path).replaceAll("\\", "/")}`)
  // Not what is generated, nor the site's own folder.
  .filter((path) => path.endsWith(".md") && !/^docs\/(api|\.vitepress)\//.test(path));

const problems = [];
let checked = 0;
let unchecked = 0;
let commands = 0;
const program = await appProgram();
await installInterop();
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

for (const path of ["README.md", ...readmes, ...docs]) {
  if (!existsSync(join(root, path))) {
    problems.push(`${path} is missing`);
    continue;
  }
  const text = readFileSync(join(root, path), "utf8");
  for (const command of readCommandLines(text)) {
    commands++;
    const problem = commandProblem(command, program);
    if (problem !== undefined)
      problems.push(`${path}:${command.line}: ${command.words.join(" ")}: ${problem}`);
  }
  const snippets = readSnippets(text);
  if (path.startsWith("packages/") && !snippets.some((snippet) => snippet.checked)) {
    problems.push(`${path} has no example: at least one block fenced as ts was expected`);
  }
  for (const { line, code, checked: wanted } of snippets) {
    if (!wanted) {
      unchecked++;
      continue;
    }
    checked++;
    // As many empty lines as stand before it: the compiler then counts lines as the Markdown file does.
    const name = `${path.replaceAll("/", "__")}__${line}.ts`;
    writeFileSync(join(folder, name), `${"\n".repeat(line - 1)}${code}\nexport {};\n`);
  }
}
if (checked === 0) problems.push("not one ts block was found");
if (commands === 0) problems.push("not one command was found");

writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
writeFileSync(
  join(folder, "tsconfig.json"),
  JSON.stringify({
    extends: "../../tsconfig.base.json",
    // No source condition: the types that are published. Examples may name what they do not use further.
    compilerOptions: {
      customConditions: [],
      noUncheckedIndexedAccess: false,
      // Installed apart from the packages.
      paths: {
        "@huggingface/transformers": [
          "../../interop/node_modules/@huggingface/transformers/types/transformers.d.ts",
        ],
      },
    },
    include: ["*.ts"],
  }),
);
const { code, output } = await runNode(toolScript("typescript", "tsc"), ["-p", folder, "--pretty", "false"], {
  quiet: true,
});
// dist/snippets/packages__vit__README.md__12.ts(14,3): error …  ->  packages/vit/README.md:14:3 error …
const places = output.replaceAll(
  /^\S*?([^/\\\s]+)__\d+\.ts\((\d+),(\d+)\):/gm,
  (_, name, line, column) => `${name.replaceAll("__", "/")}:${line}:${column}`,
);
if (code !== 0) problems.push(places.trim());
for (const problem of problems) console.error(problem);
console.log(`${checked} ts blocks and ${commands} commands checked, ${unchecked} marked no-check`);
process.exit(problems.length === 0 ? 0 : 1);
