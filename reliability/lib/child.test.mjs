import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canSeeOrphans, runChild } from "./child.mjs";

describe("a watched process", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "sitjs-child-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const script = (text) => {
    const file = join(folder, "script.cjs");
    writeFileSync(file, text);
    return file;
  };

  it("tells how it has ended and what it has said, line by line", async () => {
    const lines = [];
    const file = script(
      "console.log('one'); console.log(process.argv[2]); console.error('no'); process.exitCode = 3",
    );
    const end = await runChild(file, ["two"], { timeout: 30, onLine: (line) => lines.push(line) });
    expect(end).toMatchObject({
      code: 3,
      signal: null,
      stdout: "one\ntwo\n",
      stderr: "no\n",
      timedOut: false,
    });
    expect(lines).toEqual(["one", "two"]);
    expect(end.orphans).toEqual([]);
  });

  it("is ended when it hangs", async () => {
    const end = await runChild(script("setInterval(() => undefined, 1000)"), [], { timeout: 0.5 });
    expect(end).toMatchObject({ code: null, signal: "SIGKILL", timedOut: true });
  });

  it.skipIf(!canSeeOrphans)("cannot leave another one behind unseen", async () => {
    const left = "require('node:child_process').spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })";
    const end = await runChild(script(`console.log(${left}.pid); process.exit(0)`), [], { timeout: 30 });
    expect(end.orphans).toEqual([Number(end.stdout)]);
    // Ended, or waiting for whoever has inherited it to take note.
    const state = () => {
      const file = `/proc/${end.stdout.trim()}/stat`;
      return existsSync(file) ? readFileSync(file, "utf8").split(") ")[1]?.[0] : "gone";
    };
    await expect.poll(state).toMatch(/^(Z|gone)$/);
  });
});
