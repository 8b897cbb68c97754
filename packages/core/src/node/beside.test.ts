import { spawnSync } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { afterEach, describe, expect, it, vi } from "vitest";
import { scratchFolder } from "../../../../fixtures/own-folder.js";
import { type BesideKind, besidePath, clearBeside } from "./beside.js";
import { writeFileAtomically } from "./index.js";

const scratch = scratchFolder();
afterEach(() => vi.restoreAllMocks());

const HOUR = 3_600_000;
const later = (milliseconds: number) => vi.spyOn(Date, "now").mockReturnValue(Date.now() + milliseconds);

/** Something beside `path` that a process of another system has left. */
async function leftByStranger(path: string, kind: BesideKind): Promise<string> {
  const left = besidePath(path, kind).replace(/\.[0-9a-f]{8}-/, ".0123abcd-");
  await writeFile(left, "a stranger's");
  return left;
}

describe("what a process of another system has left", () => {
  it("stays for a day: it may be at work", async () => {
    const path = join(scratch(), "file");
    const left = await leftByStranger(path, "partial");
    await writeFileAtomically(path, "own");
    later(23 * HOUR);
    await writeFileAtomically(path, "own again");
    expect((await readdir(scratch())).sort()).toEqual(["file", basename(left)]);
    later(2 * HOUR);
    await writeFileAtomically(path, "own again");
    expect(await readdir(scratch())).toEqual(["file"]);
  });

  it("comes back after a minute where it was put away and nothing has its place", async () => {
    const path = join(scratch(), "file");
    const left = await leftByStranger(path, "old");
    await clearBeside(path);
    expect(await readdir(scratch())).toEqual([basename(left)]);
    later(61_000);
    await clearBeside(path);
    expect(await readFile(path, "utf8")).toBe("a stranger's");
    expect(await readdir(scratch())).toEqual(["file"]);
  });
});

it("a container of the same name, whose processes have numbers of their own, is another system", async ({
  skip,
}) => {
  const apart = ["--pid", "--fork", "--mount-proc"];
  if (spawnSync("unshare", [...apart, "true"]).status !== 0) return skip("this user may not make one");
  const program = join(scratch(), "program.mjs");
  await build({
    stdin: {
      contents: `
        import { besidePath } from "./beside.js";
        import { writeFileAtomically } from "./write-file.js";
        const [path] = process.argv.slice(2);
        await writeFileAtomically(path, "inside");
        console.log(besidePath(path, "partial"));`,
      resolveDir: import.meta.dirname,
      loader: "ts",
    },
    ...{ bundle: true, platform: "node", format: "esm", outfile: program, logLevel: "error" },
  });
  const path = join(scratch(), "file");
  const underWay = besidePath(path, "partial");
  await writeFile(underWay, "half");
  const inside = () =>
    spawnSync("unshare", [...apart, process.execPath, program, path], { encoding: "utf8" });
  const { stdout, stderr } = inside();
  expect(stderr).toBe("");
  expect(await readFile(path, "utf8")).toBe("inside");
  // In there no process has this one's number, and all the same it lives.
  expect(await readFile(underWay, "utf8")).toBe("half");
  const system = (name: string) => /\.([0-9a-f]{8})-/.exec(name)?.[1];
  expect(system(stdout)).toMatch(/^[0-9a-f]{8}$/);
  expect(system(stdout)).not.toBe(system(underWay));
  // Nor does it here, where the number of the one that has ended is free again.
  await writeFile(stdout.trim(), "half");
  await writeFileAtomically(path, "outside");
  expect(await readFile(stdout.trim(), "utf8")).toBe("half");
});
