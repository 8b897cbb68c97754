// Finds code that could run what it reads, or talk to a network in the open: see docs/security.md.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import ts from "typescript";

/**
 * @typedef {object} Finding
 * @property {string} file path from the root, with /
 * @property {number} line from 1
 * @property {string} rule
 * @property {string} code the line
 */

const beyond = "listens beyond this machine";
/** Addresses of all networks of a machine, and the option of servers that stands for them. */
const everywhere = /^(0\.0\.0\.0|::|\[::\]|--host)$/;
const loopback = new Set(["127.0.0.1", "::1", "localhost"]);
/** Plain HTTP to anywhere but this machine; w3.org names XML's namespaces, which nobody loads. */
const plainHttp = /http:\/\/(?!127\.0\.0\.1|localhost|\[::1\]|www\.w3\.org\/)\w/;
const code = /\.(ts|mts|cts|js|mjs|cjs|tsx)$/;
const otherText = /\.(py|sh|json|ya?ml|cc|h|html|toml)$/;
/** @type {readonly (readonly [rule: string, pattern: RegExp])[]} */
const python = [
  ["runs text as code", /(?<![.\w])(eval|exec|compile)\(/],
  [
    "reads objects that run code",
    /\bpickle\b|\btorch\.load\(|\bjoblib\b|\byaml\.load\(|allow_pickle\s*=\s*True/,
  ],
  ["starts a shell", /shell\s*=\s*True|os\.(system|popen)\(/],
  [
    "listens beyond this machine",
    /\b\w*(TCP|UDP|HTTP)Server\(\s*\(\s*["'](?!127\.0\.0\.1|localhost)|\.bind\(\s*\(\s*["'](?!127\.0\.0\.1|localhost)|-m["',\s]+http\.server/,
  ],
];

/**
 * Every finding in the folders below `root`.
 * @param {string} root
 * @param {readonly string[]} folders
 * @returns {Finding[]}
 */
export function findUnsafe(root, folders) {
  return folders.flatMap((folder) =>
    filesIn(join(root, folder)).flatMap((path) =>
      findUnsafeIn(relative(root, path).split(sep).join("/"), readFileSync(path, "utf8")),
    ),
  );
}

/** @returns {string[]} */
function filesIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    const skipped = ["node_modules", "dist", "results", "coverage", ".turbo", "api", "cache"].includes(
      entry.name,
    );
    if (entry.isDirectory()) return skipped ? [] : filesIn(path);
    return code.test(entry.name) || otherText.test(entry.name) ? [path] : [];
  });
}

/**
 * @param {string} file
 * @param {string} text
 * @returns {Finding[]}
 */
export function findUnsafeIn(file, text) {
  const lines = text.split("\n");
  /** @type {Finding[]} */
  const findings = [];
  const found = (rule, line) =>
    findings.push({ file, line: line + 1, rule, code: (lines[line] ?? "").trim() });
  if (code.test(file)) findInCode(file, text, found);
  else {
    lines.forEach((line, index) => {
      if (plainHttp.test(line)) found("plain HTTP", index);
      if (!file.endsWith(".py")) return;
      for (const [rule, pattern] of python) if (pattern.test(line)) found(rule, index);
    });
  }
  return findings;
}

function findInCode(file, text, found) {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const visit = (node) => {
    const rule = unsafe(node);
    if (rule) found(rule, source.getLineAndCharacterOfPosition(node.getStart()).line);
    ts.forEachChild(node, visit);
  };
  visit(source);
}

/** The rule that a node breaks, or undefined. */
function unsafe(node) {
  if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node)) return unsafeText(node);
  if (ts.isCallExpression(node)) return unsafeCall(node);
  // Such a server opens its port at once.
  if (ts.isNewExpression(node) && /(WebSocketServer|\.Server)$/.test(node.expression.getText())) {
    const [first] = node.arguments ?? [];
    const own = first && ts.isObjectLiteralExpression(first) && first.properties.some(isPort);
    if (own && !isLoopback(first)) return beyond;
  }
  if (ts.isNewExpression(node) && node.expression.getText() === "Function") return "runs text as code";
  if (ts.isPropertyAssignment(node)) return unsafeOption(node.name.getText(), node.initializer);
  if (ts.isShorthandPropertyAssignment(node)) return unsafeOption(node.name.text, node.name);
  if (ts.isImportSpecifier(node)) return unsafeImport(node);
  return undefined;
}

function unsafeText(node) {
  if (everywhere.test(node.text) && !isBeforeLoopback(node)) return beyond;
  if (plainHttp.test(node.text)) return "plain HTTP";
  const imported = ts.isImportDeclaration(node.parent) || ts.isCallExpression(node.parent);
  if (imported && /^(node:)?vm$/.test(node.text)) return "runs text as code";
  return undefined;
}

function unsafeCall(node) {
  const called = node.expression.getText();
  const [first, second] = node.arguments;
  if (/^(globalThis\.)?(eval|Function)$/.test(called)) return "runs text as code";
  if (node.expression.kind === ts.SyntaxKind.ImportKeyword || called === "require") {
    return first && ts.isStringLiteralLike(first)
      ? undefined
      : "loads a module by a name that is no constant";
  }
  if (called === "JSON.parse" && second) return "makes objects of its own while it parses";
  if (/(\.listen|\["listen"\])$/.test(called) && !isLoopback(first, second)) return beyond;
  return undefined;
}

/** `--host` with the address behind it. */
function isBeforeLoopback(node) {
  if (!ts.isArrayLiteralExpression(node.parent)) return false;
  const { elements } = node.parent;
  return isLoopbackName(elements[elements.indexOf(node) + 1]);
}

const isPort = (property) => property.name?.getText() === "port";

function isLoopback(first, second) {
  if (first && ts.isObjectLiteralExpression(first)) {
    const host = first.properties.find((property) => property.name?.getText() === "host");
    return host !== undefined && ts.isPropertyAssignment(host) && isLoopbackName(host.initializer);
  }
  return isLoopbackName(second);
}

const isLoopbackName = (node) =>
  node !== undefined && ts.isStringLiteralLike(node) && loopback.has(node.text);

function unsafeOption(name, value) {
  if (name === "shell" && value.kind !== ts.SyntaxKind.FalseKeyword) return "starts a shell";
  if (name === "eval" && value.kind === ts.SyntaxKind.TrueKeyword) return "runs text as code";
  if (name === "rejectUnauthorized" && value.kind !== ts.SyntaxKind.TrueKeyword)
    return "trusts any certificate";
  return undefined;
}

/** `exec` and `execSync` always start a shell. */
function unsafeImport(node) {
  const from = node.parent.parent.parent.moduleSpecifier;
  const name = (node.propertyName ?? node.name).text;
  const shell = /^(node:)?child_process$/.test(from?.text ?? "") && /^exec(Sync)?$/.test(name);
  return shell ? "starts a shell" : undefined;
}
