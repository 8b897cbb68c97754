import { spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, open, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SitError } from "../errors.js";
import { besidePath, isBeside, stageFolder, writeFileAtomically, writeFilesAtomically } from "./index.js";

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
      () => writeFileAtomically(join(folder, "new", "newer", "file"), "1"),
      () => stageFolder(join(folder, "new", "newer", "newest")),
    ];
    for (const work of works) {
      const error = await failure(work());
      expect(error.code).toBe("disk");
      expect(error.message).toMatch(/EROFS|EACCES/);
    }
    expect(await readdir(folder)).toEqual([]);
  });
});

/** What a process that is no more has left; its number is that of one that has just ended. */
async function leaveBeside(path: string, kind: "partial" | "old", content: string): Promise<void> {
  const { pid } = spawnSync(process.execPath, ["--version"]);
  await writeFile(besidePath(path, kind).replace(`-${process.pid}-`, `-${pid}-`), content);
}

describe("what killed processes have left", () => {
  it("goes when the file is written again; what living ones write stays", async () => {
    const path = join(scratch, "file");
    await leaveBeside(path, "partial", "half");
    const others = [besidePath(path, "partial"), join(scratch, "file.partial"), join(scratch, "file.1.old")];
    for (const other of others) await writeFile(other, "of others");
    expect((await readdir(scratch)).filter(isBeside)).toHaveLength(2);
    await writeFileAtomically(path, "whole");
    expect((await readdir(scratch)).sort()).toEqual(["file", ...others.map((at) => basename(at))].sort());
  });

  it("comes back where it was put away for something that never came", async () => {
    const target = join(scratch, "folder");
    const staged = await stageFolder(target);
    await staged.write("file", "earlier");
    await staged.commit();
    const old = besidePath(target, "old", true);
    const { pid } = spawnSync(process.execPath, ["--version"]);
    await rename(target, old.replace(`-${process.pid}-`, `-${pid}-`));
    const next = await stageFolder(target);
    await next.discard();
    expect(await readFile(join(target, "file"), "utf8")).toBe("earlier");
    expect(await readdir(scratch)).toEqual(["folder"]);
  });
});

describe("writeFilesAtomically", () => {
  const set = (content: string) => ["a", "b"].map((name) => ({ path: join(scratch, name), content }));
  const read = async () => await Promise.all(["a", "b"].map((name) => readFile(join(scratch, name), "utf8")));

  it("writes all, over what was there", async () => {
    await writeFilesAtomically(set("1"));
    await writeFilesAtomically(set("2"));
    expect(await read()).toEqual(["2", "2"]);
    expect(await readdir(scratch)).toEqual(["a", "b"]);
  });

  it("keeps the earlier set where one of them cannot be written", async () => {
    await writeFilesAtomically(set("1"));
    await mkdir(join(scratch, "c"));
    const error = await failure(
      writeFilesAtomically([...set("2"), { path: join(scratch, "c"), content: "2" }]),
    );
    expect(error.message).toContain(`${join(scratch, "c")}: cannot be written (expected a file`);
    const broken = (async function* () {
      yield Uint8Array.of(1);
      throw new Error("a mistake in the content");
    })();
    const last = { path: join(scratch, "d"), content: broken };
    await expect(writeFilesAtomically([...set("2"), last])).rejects.toThrow(/^a mistake in the content$/);
    expect(await read()).toEqual(["1", "1"]);
    expect(await readdir(scratch)).toEqual(["a", "b", "c"]);
  });

  it("never lets a set of two writers be one of both", async () => {
    for (let round = 0; round < 3; round++) {
      await Promise.all(["1", "2", "3"].map((content) => writeFilesAtomically(set(content))));
      const [a, b] = await read();
      expect(a).toBe(b);
    }
    expect(await readdir(scratch)).toEqual(["a", "b"]);
  });

  it("a process killed between two names leaves no mixed set, and the next write the old one or its own", async () => {
    await writeFilesAtomically(set("1"));
    // As it is when the first new one has its name.
    await leaveBeside(join(scratch, "a"), "old", "1");
    await leaveBeside(join(scratch, "b"), "old", "1");
    await leaveBeside(join(scratch, "b"), "partial", "2");
    await writeFile(join(scratch, "a"), "2");
    await rm(join(scratch, "b"));
    const [first, second] = set("3") as [{ path: string; content: string }, { path: string }];
    const failing = (async function* () {
      yield* [] as Uint8Array[];
      throw new Error("no content");
    })();
    const write = writeFilesAtomically([first, { path: second.path, content: failing }]);
    await expect(write).rejects.toThrow("no content");
    expect(await read()).toEqual(["1", "1"]);
    await writeFilesAtomically(set("3"));
    expect(await read()).toEqual(["3", "3"]);
    expect(await readdir(scratch)).toEqual(["a", "b"]);
  });
});

describe("stageFolder", () => {
  it("does not take the place of a file", async () => {
    const path = join(scratch, "file");
    await writeFile(path, "precious");
    expect((await failure(stageFolder(path))).message).toMatch(/file: cannot be written \(expected a folder/);
    expect(await readFile(path, "utf8")).toBe("precious");
    const staged = await stageFolder(join(scratch, "one"));
    await writeFile(join(scratch, "one"), "precious");
    expect((await failure(staged.commit())).code).toBe("disk");
    await staged.discard();
    expect((await readdir(scratch)).sort()).toEqual(["file", "one"]);
  });

  it("of two that take one place at once the last one stays, whole", async () => {
    const target = join(scratch, "one");
    const both = await Promise.all(["1", "2"].map(() => stageFolder(target)));
    await Promise.all(both.map((staged, i) => staged.write("content", String(i))));
    await Promise.all(both.map((staged) => staged.commit()));
    expect(["0", "1"]).toContain(await readFile(join(target, "content"), "utf8"));
    expect(await readdir(scratch)).toEqual(["one"]);
  });

  it("names files by the place they will have", async () => {
    const staged = await stageFolder(join(scratch, "one"));
    await mkdir(join(staged.path, "inner"));
    const error = await failure(staged.write("inner", "1"));
    expect(error.message).toContain(`${join(scratch, "one", "inner")}: cannot be written`);
    await staged.discard();
  });

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
