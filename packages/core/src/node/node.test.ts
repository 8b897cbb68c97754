import { spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SitError } from "../errors.js";
import { stageFolder, writeFileAtomically } from "./index.js";

let scratch = "";
const mounted: string[] = [];
const forbidden: string[] = [];
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), "sitjs-core-"));
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const folder of mounted.splice(0)) run("umount", folder);
  for (const folder of forbidden.splice(0)) await chmod(folder, 0o755);
  await rm(scratch, { recursive: true, force: true });
});

const run = (command: string, ...args: string[]) => spawnSync(command, args).status === 0;

/** A disk of 64 kB at a folder until the test ends; undefined where this user may not mount one. */
async function smallDisk(): Promise<string | undefined> {
  const folder = join(scratch, "disk");
  await mkdir(folder);
  if (process.platform !== "linux" || !run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder)) {
    return undefined;
  }
  mounted.push(folder);
  return folder;
}

/** Makes a folder one that nobody may write; false where that cannot be had. */
async function forbidWriting(folder: string): Promise<boolean> {
  // A superuser may write whatever the folder's mode says, but not to a disk that is mounted so.
  if (process.getuid?.() === 0) return run("mount", "-o", "remount,ro", folder);
  await chmod(folder, 0o555);
  forbidden.push(folder);
  return process.platform !== "win32";
}

async function failure(work: Promise<unknown>): Promise<SitError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!SitError.isInstance(error)) throw new Error(`expected a SitError, got ${String(error)}`);
  return error;
}

/** Counts how often a file or a folder is flushed. */
async function countFlushes(): Promise<() => number> {
  const handle = await open(scratch, "r");
  const flushed = vi.spyOn(Object.getPrototypeOf(handle) as typeof handle, "sync");
  await handle.close();
  return () => flushed.mock.calls.length;
}

describe("writeFileAtomically", () => {
  it("writes text and bytes, over what was there, and makes the folder", async () => {
    const path = join(scratch, "a", "b", "file");
    await writeFileAtomically(path, "as text: é");
    expect(await readFile(path, "utf8")).toBe("as text: é");
    await writeFileAtomically(path, Uint8Array.of(0, 255, 7));
    expect([...(await readFile(path))]).toEqual([0, 255, 7]);
    expect(await readdir(join(scratch, "a", "b"))).toEqual(["file"]);
  });

  it("never shows a part of a file to a reader, whoever else writes it", async () => {
    const path = join(scratch, "file");
    const contents = ["a", "b", "c", "d"].map((letter) => letter.repeat(300_000));
    await writeFileAtomically(path, contents[0] as string);
    let writing = true;
    const reader = (async () => {
      let read = 0;
      for (; writing; read++) expect(contents).toContain(await readFile(path, "utf8"));
      return read;
    })();
    for (let round = 0; round < 5; round++) {
      await Promise.all(contents.map((content) => writeFileAtomically(path, content)));
    }
    writing = false;
    expect(await reader).toBeGreaterThan(0);
    expect(await readdir(scratch)).toEqual(["file"]);
  });

  it.skipIf(process.platform === "win32")(
    "flushes the file, its folder, and those that are new",
    async () => {
      const flushes = await countFlushes();
      await writeFileAtomically(join(scratch, "file"), "1");
      expect(flushes()).toBe(2);
      await writeFileAtomically(join(scratch, "new", "newer", "file"), "2");
      expect(flushes()).toBe(2 + 4);
    },
  );

  it("names the file where its folder cannot be made, with the caller's advice", async () => {
    await writeFile(join(scratch, "occupied"), "a file");
    const path = join(scratch, "occupied", "file");
    const error = await failure(writeFileAtomically(path, "1", { mend: "Name another folder." }));
    expect(error).toMatchObject({ code: "disk", mend: "Name another folder." });
    expect(error.message).toContain(`${path}: cannot be written`);
    expect(await readdir(scratch)).toEqual(["occupied"]);
  });

  it("leaves nothing beside a folder that lies in its place", async () => {
    await mkdir(join(scratch, "folder", "inner"), { recursive: true });
    expect((await failure(writeFileAtomically(join(scratch, "folder"), "1"))).code).toBe("disk");
    expect(await readdir(scratch)).toEqual(["folder"]);
  });

  it("leaves the earlier file and no other on a full disk", async ({ skip }) => {
    const folder = await smallDisk();
    if (folder === undefined) return skip("a small disk cannot be mounted here");
    const path = join(folder, "file");
    await writeFileAtomically(path, "earlier");
    const error = await failure(writeFileAtomically(path, new Uint8Array(200_000)));
    expect(error.code).toBe("disk");
    expect(error.message).toContain("ENOSPC");
    expect(await readdir(folder)).toEqual(["file"]);
    expect(await readFile(path, "utf8")).toBe("earlier");
  });

  it("leaves the earlier file in a folder that nobody may write", async ({ skip }) => {
    const folder = (await smallDisk()) ?? join(scratch, "disk");
    const path = join(folder, "file");
    await writeFileAtomically(path, "earlier");
    if (!(await forbidWriting(folder))) return skip("a folder cannot be made read-only for this user");
    const error = await failure(writeFileAtomically(path, "later"));
    expect(error.code).toBe("disk");
    expect(error.message).toMatch(/EROFS|EACCES/);
    expect(await readdir(folder)).toEqual(["file"]);
    expect(await readFile(path, "utf8")).toBe("earlier");
  });

  it("says why a folder cannot be made on a disk that nobody may write", async ({ skip }) => {
    const folder = (await smallDisk()) ?? join(scratch, "disk");
    await mkdir(folder, { recursive: true });
    if (!(await forbidWriting(folder))) return skip("a folder cannot be made read-only for this user");
    const works = [
      () => writeFileAtomically(join(folder, "new", "file"), "1"),
      () => stageFolder(join(folder, "new")),
    ];
    for (const work of works) {
      const error = await failure(work());
      expect(error.code).toBe("disk");
      expect(error.message).toMatch(/EROFS|EACCES/);
    }
    expect(await readdir(folder)).toEqual([]);
  });
});

describe("stageFolder", () => {
  it("takes the place of the earlier folder at once, and leaves nothing beside it", async () => {
    const target = join(scratch, "runs", "one");
    await writeFileAtomically(join(target, "old"), "1");
    const staged = await stageFolder(target);
    await writeFileAtomically(join(staged.path, "new"), "2");
    expect(await readdir(target)).toEqual(["old"]);
    await staged.commit();
    expect(await readdir(target)).toEqual(["new"]);
    expect(await readdir(join(scratch, "runs"))).toEqual(["one"]);
  });

  it("leaves nothing where it is given up", async () => {
    const staged = await stageFolder(join(scratch, "one"));
    await writeFile(join(staged.path, "new"), "2");
    await staged.discard();
    expect(await readdir(scratch)).toEqual([]);
  });

  it("leaves the earlier folder where the new one cannot take its place", async () => {
    const target = join(scratch, "one");
    await writeFileAtomically(join(target, "old"), "1");
    const staged = await stageFolder(target);
    await staged.discard();
    const error = await failure(staged.commit());
    expect(error.code).toBe("disk");
    expect(error.message).toContain(`${target}: cannot be written`);
    expect(await readdir(target)).toEqual(["old"]);
    expect(await readdir(scratch)).toEqual(["one"]);
  });

  it("names the folder where it cannot be made", async () => {
    await writeFile(join(scratch, "occupied"), "a file");
    const folder = join(scratch, "occupied", "one");
    expect((await failure(stageFolder(folder))).message).toContain(`${folder}: cannot be written`);
  });
});
