import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { buildProgram, builtWorker } from "../test/build-worker.js";
import { photoFolder } from "../test/photos.js";
import { scratchFolder } from "../test/scratch.js";

const worker = builtWorker();
const scratch = scratchFolder();

it("thousands of batches leave no file open and take no more memory", async () => {
  const folder = join(scratch, "photos");
  await photoFolder(folder, 12);
  writeFileSync(join(folder, "05.png"), "gone bad");
  const program = await buildProgram(worker.url, "soak-program.ts");
  const args = ["--expose-gc", program, folder, "200"];
  // glibc: one arena, which gives back what is freed; else memory that threads have freed comes and goes by a fifth.
  const env = { ...process.env, MALLOC_ARENA_MAX: "1", MALLOC_TRIM_THRESHOLD_: "65536" };
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 55_000, env });
  const { handles, ended, kept } = JSON.parse(stdout) as Record<"handles" | "ended" | "kept", number[]>;
  expect(handles[1]).toBe(handles[0]);
  // The pixels of a round alone, 200 batches, are 22 MB.
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const growth = mean(ended.slice(-3)) / mean(ended.slice(0, 3));
  expect(growth, `megabytes after each round: ${ended.map(Math.round)}`).toBeLessThan(1.05);
  // A thread that stays collects its garbage, some 10 MB, every few thousand batches.
  const [first, last] = [kept[0], kept.at(-1)] as [number, number];
  expect(last / first, `megabytes in threads that stay: ${kept.map(Math.round)}`).toBeLessThan(1.15);
});
