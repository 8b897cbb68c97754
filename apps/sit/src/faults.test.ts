import { spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { makePictures, type Running, runsFolder, tiny } from "./testing.js";

const { at, run, start } = runsFolder("faults", (at) => makePictures(at("photos"), 12));
const mounted: string[] = [];
const command = (name: string, ...args: string[]) => spawnSync(name, args).status === 0;

afterAll(() => {
  for (const path of mounted) command("umount", path);
});

/** A disk of its own at a folder; undefined where this user may not mount one. */
function smallDisk(name: string, kilobytes: number): string | undefined {
  mkdirSync(at(name));
  const options = ["-t", "tmpfs", "-o", `size=${kilobytes}k`, "tmpfs", at(name)];
  if (process.platform !== "linux" || !command("mount", ...options)) return undefined;
  mounted.push(at(name));
  return at(name);
}

/** Takes what is left of a disk, while others write to it and take away. */
function fill(disk: string): void {
  const file = openSync(join(disk, "filler"), "w");
  try {
    for (;;) writeSync(file, new Uint8Array(4096));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  } finally {
    closeSync(file);
  }
}

/** One line of what is wrong, and one of what to do: nothing else on standard error. */
function expectOneMessage(err: string, says: RegExp): void {
  const [line, mend, ...more] = err.trimEnd().split("\n");
  expect(line).toMatch(says);
  expect(mend ?? "  ").toMatch(/^ {2}\S|^ {2}$/);
  expect(more).toEqual([]);
}

const pretrain = `pretrain --data photos ${tiny} --epochs 200 --checkpoint-steps 10 --json`;
const underWay = async (running: Running) => running.says(/"done":[2-9]\d/);

describe("a disk that fails under a run", () => {
  it("full: one message, code 1, and the checkpoints there are open; with space it goes on", async ({
    skip,
  }) => {
    const disk = smallDisk("full", 4000);
    if (disk === undefined) return skip("a small disk cannot be mounted here");
    const running = start(`${pretrain} --out full/run`);
    await underWay(running);
    fill(disk);
    const { code, err } = await running.finished;
    expectOneMessage(err, /^sit: full\/run\/.*cannot be written \(ENOSPC/);
    expect(code).toBe(1);
    expect((await run("knn --data photos --checkpoint full/run --engine wasm --workers 0")).code).toBe(0);
    expect(existsSync(at("full", "run", "run.lock"))).toBe(false);
    const left = readdirSync(at("full", "run"), { recursive: true }).map(String);
    expect(left.filter((name) => name.includes("partial"))).toEqual([]);

    rmSync(join(disk, "filler"));
    const resumed = start("pretrain --resume --out full/run --json");
    await resumed.says(/"progress"/);
    resumed.child.kill("SIGINT");
    expect((await resumed.finished).code).toBe(130);
  });

  it("read-only from the start: one message, code 1", async ({ skip }) => {
    const disk = smallDisk("fixed", 100) ?? at("fixed");
    const isRoot = process.getuid?.() === 0;
    if (isRoot && !command("mount", "-o", "remount,ro", disk))
      return skip("a read-only disk cannot be had here");
    if (!isRoot) chmodSync(disk, 0o555);
    const { code, err } = await run(`${pretrain} --out fixed/run`);
    if (!isRoot) chmodSync(disk, 0o755);
    expectOneMessage(err, /^sit: fixed\/run: cannot be made \((EROFS|EACCES)/);
    expect(code).toBe(1);
  });

  it.each([
    ["removed", (path: string) => rmSync(path, { recursive: true, force: true, maxRetries: 20 })],
    ["moved", (path: string) => renameSync(path, `${path}-elsewhere`)],
  ])("the run's folder is %s: one message, code 1, and it is not made anew", async (how, change) => {
    const running = start(`${pretrain} --out ${how}`);
    await underWay(running);
    change(at(how));
    const { code, err } = await running.finished;
    expectOneMessage(err, new RegExp(`^sit: ${how}.*(expected the (folder|file)|cannot be written)`));
    expect(code).toBe(1);
    expect(existsSync(at(how, "summary.json"))).toBe(false);
    if (how === "moved") {
      const knn = await run("knn --data photos --checkpoint moved-elsewhere --engine wasm --workers 0");
      expect(knn.code).toBe(0);
    }
  });
});

describe("a fault of the program", () => {
  it("one message, code 1, and the last checkpoint is intact", async () => {
    writeFileSync(
      at("fault.config.ts"),
      `export default { parts: () => {
        const wait = setInterval(() => {
          if (!existsSync("fault/checkpoints")) return;
          if (!readdirSync("fault/checkpoints").some((name) => name.startsWith("step-"))) return;
          clearInterval(wait);
          void Promise.reject(new Error("a mistake in a part"));
        }, 20);
        return {};
      } };
      import { existsSync, readdirSync } from "node:fs";\n`,
    );
    const { code, out, err } = await run(`${pretrain} --out fault --config fault.config.ts`);
    expect(code).toBe(1);
    expect(err).toMatch(/^sit: unexpected error: Error: a mistake in a part\n/);
    expect(err.match(/a mistake/g)).toHaveLength(1);
    expect(out).not.toContain('"result"');
    expect((await run("knn --data photos --checkpoint fault --engine wasm --workers 0")).code).toBe(0);
  });

  it("a reader that wants only the first lines of the help gets no message of ours", async () => {
    const running = start("pretrain --help");
    running.child.stdout.destroy();
    expect((await running.finished).err).toBe("");
  });
});

describe("a loss that is not finite", () => {
  // One step at this rate throws the parameters to where their squares are infinite.
  const wild = `pretrain --data photos ${tiny} --epochs 2 --learning-rate 1e30 --checkpoint-steps 1 --checkpoint-minutes 0`;
  const lines = (out: string) =>
    readFileSync(at(out, "history.jsonl"), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));

  it("ends the run with one line and its mend; all that is known is in not-finite.json", async () => {
    const { code, out, err } = await run(`${wild} --out wild --json`);
    expect(code).toBe(1);
    expectOneMessage(
      err,
      /^sit: step \d+ \(epoch 0\): expected a finite loss and gradient, got .*learning rate/,
    );
    expect(out).not.toContain('"result"');
    const [batch, ...more] = JSON.parse(readFileSync(at("wild", "not-finite.json"), "utf8"));
    expect(more).toEqual([]);
    expect(batch).toMatchObject({ epoch: 0, skipped: false, skippedSoFar: 1 });
    expect(batch.images).toHaveLength(4);
    const values = [...Object.values(batch.metrics), ...Object.values(batch.gradientNorms)];
    expect(values.some((value) => ["NaN", "Infinity", "-Infinity"].includes(value as string))).toBe(true);
    // What was learned before is there.
    expect(lines("wild")).toHaveLength(batch.step);
    expect(readdirSync(at("wild", "checkpoints"))).not.toEqual([]);
    expect(existsSync(at("wild", "summary.json"))).toBe(false);
  });

  it("leaves out as many batches as it may, with a warning for each", async () => {
    const { code, err } = await run(`${wild} --out skipping --skip-not-finite 2 --quiet`);
    expect(code).toBe(1);
    const warnings = err.split("\n").filter((line) => line.startsWith("Warning: step"));
    expect(warnings).toHaveLength(2);
    expect(warnings[1]).toMatch(/; left out, 2 of at most 2$/);
    expect(err.split("\n").filter((line) => line.startsWith("sit: step"))).toHaveLength(1);
    const batches = JSON.parse(readFileSync(at("skipping", "not-finite.json"), "utf8"));
    expect(batches.map(({ skippedSoFar }: { skippedSoFar: number }) => skippedSoFar)).toEqual([1, 2, 3]);
    const skipped = lines("skipping").filter((line) => line.skipped);
    expect(skipped.map(({ step }) => step)).toEqual(
      batches.slice(0, 2).map(({ step }: { step: number }) => step),
    );
  });

  it("goes on from before it, with more left out", async () => {
    const resumed = await run("pretrain --resume --out wild --skip-not-finite 1000");
    expect(resumed.err).toContain("--skip-not-finite 1000 (was 0): taken");
    expect(resumed.code).toBe(0);
    expect(lines("wild").map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, i) => i));
  });
});
