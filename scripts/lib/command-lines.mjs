// The command lines that READMEs and docs show: whether what they name is there. Nothing is run.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./steps.mjs";

/**
 * @typedef {{ line: number, words: string[], whole: boolean }} CommandLine one command as it stands in a Markdown file, its
 *   line there, and whether it is a whole one, from a block, or one named in a sentence, which may leave things out
 */

/**
 * The commands in the `sh` blocks of a Markdown text and in its code spans.
 * @returns {CommandLine[]}
 */
export function readCommandLines(text) {
  const found = [];
  const lines = text.split(/\r?\n/);
  for (let i = 0; i < lines.length; i++) {
    const fence = /^\s*(`{3,})\s*(\S*)/.exec(lines[i]);
    if (fence === null) {
      for (const [, span] of lines[i].matchAll(/(?<!`)`([^`]+)`(?!`)/g)) {
        if (/^(sit|npm run) [a-z-]/.test(span))
          found.push({ line: i + 1, words: commands(span)[0], whole: false });
      }
      continue;
    }
    const [, ticks, language] = fence;
    for (i++; i < lines.length && !lines[i].trim().startsWith(ticks); i++) {
      if (!["sh", "bash", "shell"].includes(language)) continue;
      const line = i + 1;
      let command = lines[i];
      while (/\\$/.test(command) && i + 1 < lines.length) command = command.slice(0, -1) + lines[++i];
      for (const words of commands(command)) found.push({ line, words, whole: true });
    }
  }
  return found;
}

/** The words of each command of a line: without comment, prompt, settings of the environment and where output goes. */
function commands(line) {
  return line
    .replace(/^\s*\$ /, "")
    .replace(/(^|\s)#.*$/, "")
    .split(/&&|\|\|?|;/)
    .map((part) => [...part.replace(/\d?>.*$/, "").matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)])
    .map((matches) => matches.map(([, double, single, bare]) => double ?? single ?? bare))
    .map(withoutSettings)
    .filter((words) => words.length > 0);
}

/** `CI=true sit demo` is the command `sit demo`. */
function withoutSettings(words) {
  const first = words.findIndex((word) => !/^[A-Z_]+=/.test(word));
  return first === -1 ? [] : words.slice(first);
}

/**
 * What is wrong with a command, in one line; undefined for one that is right or that is not ours to judge.
 * @param {CommandLine} commandLine
 * @param {() => import("commander").Command} program makes the app's command line
 */
export function commandProblem({ words, whole }, program) {
  const [first, second, third, ...rest] = words;
  if (first === "sit") return sitProblem(words.slice(1), whole, program);
  if (first === "node" && second?.endsWith(".mjs") && second.includes("/")) {
    return existsSync(join(root, second)) ? undefined : `the repository has no ${second}`;
  }
  if (first !== "npm" || second !== "run" || third === undefined) return undefined;
  const workspace = rest[rest.indexOf("-w") + 1];
  const folder = rest.includes("-w") ? workspaceFolder(workspace) : root;
  if (folder === undefined) return `no workspace is called ${workspace}`;
  const { scripts } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  if (scripts?.[third] === undefined) return `no script is called ${third}`;
  if (third !== "sit" || rest[0] !== "--") return undefined;
  return sitProblem(rest.slice(1), whole, program);
}

function workspaceFolder(name) {
  return ["packages", "apps"]
    .map((parent) => join(root, parent, name.replace(/^@sitjs\//, "")))
    .find((folder) => existsSync(join(folder, "package.json")));
}

/** What the app's own parser says. */
function sitProblem(words, whole, program) {
  return whole ? parseProblem(words, program()) : nameProblem(words, program());
}

function parseProblem(words, sit) {
  for (const command of allCommands(sit)) {
    command.exitOverride().configureOutput({ writeOut() {}, writeErr() {}, outputError() {} });
    if (command.commands.length === 0) command.action(() => {});
  }
  try {
    sit.parse(words, { from: "user" });
    return undefined;
  } catch (error) {
    // Help and version end this way too.
    return error.exitCode === 0 ? undefined : error.message.split("\n")[0];
  }
}

function allCommands(command) {
  return [command, ...command.commands.flatMap(allCommands)];
}

/** In a sentence values and what must be given may be missing: the names of commands and options are looked at alone. */
function nameProblem(words, sit) {
  let command = sit;
  let rest = words;
  while (command.commands.length > 0 && /^[a-z]/.test(rest[0] ?? "")) {
    const [name] = rest;
    const next = command.commands.find((each) => each.name() === name);
    if (next === undefined) return `unknown command '${name}'`;
    [command, rest] = [next, rest.slice(1)];
  }
  const known = new Set(["--help", ...command.options.map(({ long }) => long)]);
  const unknown = rest.find((word) => word.startsWith("--") && !known.has(word.split("=")[0]));
  return unknown === undefined ? undefined : `unknown option '${unknown}'`;
}
