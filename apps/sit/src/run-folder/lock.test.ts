import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { lockRun } from "./lock.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sit-lock-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const path = () => join(folder, "run.lock");
const write = (owner: object) => writeFileSync(path(), JSON.stringify(owner));

/** What this process writes into a lock. */
async function own() {
  const lock = await lockRun(folder);
  const owner = JSON.parse(readFileSync(path(), "utf8"));
  await lock.release();
  return owner;
}

describe("lockRun", () => {
  it("has the folder until it is released, and leaves nothing", async () => {
    const lock = await lockRun(folder);
    await lock.requireHeld();
    await expect(lockRun(folder)).rejects.toMatchObject({
      code: "bad-option",
      message: `--out ${folder}: expected a folder that no run is using, got one of process ${process.pid}`,
    });
    await lock.release();
    expect(readdirSync(folder)).toEqual([]);
    await (await lockRun(folder)).release();
  });

  it("lets one of many have it", async () => {
    const all = await Promise.allSettled(Array.from({ length: 20 }, () => lockRun(folder)));
    expect(all.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    expect(readdirSync(folder)).toEqual(["run.lock"]);
  });

  it("takes over the lock of a process that is no more", async () => {
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    write({ ...(await own()), pid });
    await (await lockRun(folder)).requireHeld();
  });

  it.runIf(process.platform === "linux")("knows a process from a later one of the same number", async () => {
    const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000)"]);
    try {
      const { host, began } = await own();
      write({ pid: child.pid, host });
      await expect(lockRun(folder)).rejects.toThrow(`process ${child.pid}`);
      write({ pid: child.pid, host, began: `${began}0` });
      await (await lockRun(folder)).release();
    } finally {
      child.kill("SIGKILL");
    }
  });

  it.runIf(process.platform === "linux")(
    "takes a container of the same name by how long ago its lock was touched",
    async () => {
      const owner = await own();
      const { pid } = spawnSync(process.execPath, ["-e", ""]);
      const there = { ...owner, pid, numbers: "pid:[1]" };
      write(there);
      await expect(lockRun(folder)).rejects.toThrow(`process ${pid}`);
      const before = new Date(Date.now() - 130_000);
      utimesSync(path(), before, before);
      await (await lockRun(folder)).release();
      // The machine was started again since: nothing of then lives.
      write({ ...there, began: "another-start 7" });
      await (await lockRun(folder)).release();
    },
  );

  it("is touched while it is held", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const lock = await lockRun(folder);
    const long = new Date(0);
    utimesSync(path(), long, long);
    vi.advanceTimersByTime(15_000);
    await vi.waitFor(() => expect(Date.now() - statSync(path()).mtimeMs).toBeLessThan(60_000));
    await lock.release();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it("does not judge a process of another machine", async () => {
    write({ pid: 1, host: "elsewhere" });
    await expect(lockRun(folder)).rejects.toMatchObject({
      message: expect.stringContaining('process 1 on "elsewhere"'),
      mend: expect.stringContaining(`remove ${path()}`),
    });
  });

  it.each(["", "{", "[]", '{"pid":-1,"host":"x"}', '{"pid":"1"}'])(
    "takes over what is no lock: %s",
    async (text) => {
      writeFileSync(path(), text);
      await (await lockRun(folder)).requireHeld();
    },
  );

  it("tells where it is not held any more", async () => {
    const lock = await lockRun(folder);
    rmSync(folder, { recursive: true });
    await expect(lock.requireHeld()).rejects.toMatchObject({ code: "disk" });
    await lock.release();
  });

  it("names the file where it cannot be written", async () => {
    await expect(lockRun(join(folder, "none"))).rejects.toMatchObject({
      code: "disk",
      message: expect.stringContaining(join("none", "run.lock")),
    });
  });
});
