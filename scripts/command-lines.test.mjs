// The check of the commands that the docs show must fail where a reader's shell would.
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { commandProblem, readCommandLines } from "./lib/command-lines.mjs";
import { root } from "./lib/steps.mjs";

// By its path: the types of the sources are not those of the scripts.
const { program } = await import(join(root, "apps", "sit", "src", "program.ts"));

describe("the reader of commands", () => {
  it("takes sh blocks as a shell does, and commands named in sentences", () => {
    const text = [
      "Say `sit knn --data x`, `sit data list | get`, or `sitViews`.",
      "```sh",
      "$ CI=true npm run sit -- knn \\",
      "  --data 'my photos'   # all of them",
      "npm install && npm run build > log.txt",
      "A=1",
      "```",
      "```ts",
      "npm run none",
      "```",
    ];
    expect(readCommandLines(text.join("\n"))).toEqual([
      { line: 1, words: ["sit", "knn", "--data", "x"], whole: false },
      { line: 1, words: ["sit", "data", "list"], whole: false },
      { line: 3, words: ["npm", "run", "sit", "--", "knn", "--data", "my photos"], whole: true },
      { line: 5, words: ["npm", "install"], whole: true },
      { line: 5, words: ["npm", "run", "build"], whole: true },
    ]);
  });
});

describe("the check of a command in a block", () => {
  it.each([
    "sit pretrain --data photos --method mae --mask-ratio 0.6 --dry-run",
    "sit engine install --variant gpu",
    "sit --help",
    "npm run sit -- knn --data labelled --checkpoint runs/photos",
    "npm run bench -- --quick",
    "npm run kernels -w @sitjs/augment",
    "npm install --global @sitjs/app",
    "node benchmarks/page.mjs",
  ])("takes %s", (text) => expect(inBlock(text)).toBeUndefined());

  it.each([
    ["sit pretrian --data photos", "unknown command 'pretrian'"],
    ["sit pretrain --date photos", "unknown option '--date'"],
    ["sit data fetch", "unknown command 'fetch'"],
    ["sit pretrain --method mea", "--method"],
    ["sit pretrain --epochs many", "--epochs"],
    ["sit knn --data labelled", "required option '--checkpoint"],
    ["npm run sit -- knn --checkpoint runs/a --neighbors 3", "unknown option '--neighbors'"],
    ["npm run demos", "no script is called demos"],
    ["npm run kernels -w @sitjs/vit", "no script is called kernels"],
    ["npm run kernels -w @sitjs/none", "no workspace is called @sitjs/none"],
    ["node benchmarks/none.mjs", "the repository has no benchmarks/none.mjs"],
  ])("refuses %s", (text, problem) => expect(inBlock(text)).toContain(problem));
});

describe("the check of a command in a sentence", () => {
  it.each(["sit methods <name>", "sit knn", "sit ablate FILE --axes alpha", "sit finetune --resume --out …"])(
    "takes %s",
    (text) => expect(inSentence(text)).toBeUndefined(),
  );

  it.each([
    ["sit teach", "unknown command 'teach'"],
    ["sit data give NAME", "unknown command 'give'"],
    ["sit knn --neighbors", "unknown option '--neighbors'"],
    ["npm run none", "no script is called none"],
  ])("refuses %s", (text, problem) => expect(inSentence(text)).toContain(problem));
});

function inBlock(text) {
  const [command] = readCommandLines(`\`\`\`sh\n${text}\n\`\`\``);
  return commandProblem(command, program);
}

function inSentence(text) {
  const [command] = readCommandLines(`As \`${text}\` does.`);
  return commandProblem(command, program);
}
