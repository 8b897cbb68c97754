import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { demoArgs } from "./lib/demo-args.mjs";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sitjs-demo-"));
  for (const out of [join("runs", "demo"), "other"]) {
    const parts = join(folder, `${out}.unfinished`, "parts.partial");
    mkdirSync(parts, { recursive: true });
    writeFileSync(join(parts, "demo.json"), "{}");
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.each([
  ["", true],
  ["--quiet", true],
  ["--out other", true],
  ["--out=other", true],
  ["--out new", false],
  ["--overwrite", false],
  ["--resume", false],
  ["--help", false],
])("npm run demo -- %s goes on with a demo that was stopped: %s", (text, goesOn) => {
  const args = text.split(" ").filter(Boolean);
  expect(demoArgs(args, folder)).toEqual(goesOn ? [...args, "--resume"] : args);
});
