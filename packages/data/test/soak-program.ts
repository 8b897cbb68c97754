/**
 * A program that loads image files in many small batches: first a few short iterations, then rounds whose threads end with
 * each, then rounds in threads that stay. It prints the number of open file descriptors (Linux) before and after, and
 * resident memory after each round: { handles: [before, after], ended: [megabytes], kept: [megabytes] }.
 */
import { readdirSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { sitViews } from "@sitjs/augment";
import { type Batches, batches, imageFolder } from "../src/index.js";

declare const gc: () => void;
const [folder, steps] = process.argv.slice(2) as [string, string];
const handles = () => (process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0);

const photos = await imageFolder(folder, { verify: "none" });
const load = (keepWorkers: boolean) =>
  batches(photos, {
    views: sitViews({ size: 48, preset: "small" }),
    batchSize: 2,
    workers: 2,
    keepWorkers,
    badImages: "replace",
    maximumBadShare: 0.5,
    onProblem: () => undefined,
  });
// Libraries are loaded with the first.
for await (const _ of load(false));
const before = handles();
for (let i = 0; i < 5; i++) {
  for await (const { step } of load(false)) if (step === i) break;
}
/** The least of several looks: collected arrays are given back a while later, by a thread of V8's own. */
const megabytes = async () => {
  let least = Number.POSITIVE_INFINITY;
  for (let look = 0; look < 5; look++) {
    gc();
    await setTimeout(20);
    least = Math.min(least, process.memoryUsage.rss());
  }
  return least / 2 ** 20;
};
const iterate = async (loader: Batches, count: number) => {
  // Half of the memory is given back, the other half left to the collector.
  for await (const batch of loader.range(0, count)) if (batch.step % 2 === 0) loader.release(batch);
};
const ended: number[] = [];
const same = load(false);
for (let round = 0; round < 8; round++) {
  await iterate(same, Number(steps));
  ended.push(await megabytes());
}
const keeping = load(true);
const kept: number[] = [];
for (let round = 0; round < 4; round++) {
  await iterate(keeping, Number(steps));
  kept.push(await megabytes());
}
await keeping.close();
console.log(JSON.stringify({ handles: [before, handles()], ended, kept }));
