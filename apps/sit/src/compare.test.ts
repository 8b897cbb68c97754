import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureBuilt, makePictures, sit, startSit } from "./testing.js";

let folder: string;
const run = (...args: string[]) => sit(folder, args);
const at = (...path: string[]) => join(folder, ...path);
const json = (...path: string[]) => JSON.parse(readFileSync(at(...path), "utf8"));

beforeAll(async () => {
  ensureBuilt();
  folder = mkdtempSync(join(tmpdir(), "sit-compare-"));
  await makePictures(at("photos"), 12);
}, 600_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a comparison of methods", () => {
  const network = "--channels 3 --image-size 16 --patch-size 4 --width 16 --depth 1 --heads 2";
  const heads =
    "--projection-hidden 16 --projection-output 8 --decoder-width 16 --decoder-depth 1 --decoder-heads 2";
  const rest =
    "--batch-size 4 --epochs 8 --finetune-steps 2 --labels-per-class 2,4 --engine wasm --workers 0";
  const args = (methods: string, seeds: string) =>
    `compare --data photos --preset compare ${network} ${heads} ${rest} --methods ${methods} --seeds ${seeds}`.split(
      " ",
    );
  const trial = (method: string, seed: number) => json("runs", "compare", method, `seed-${seed}.json`);

  it("runs each method with each seed on the same images, and does nothing twice", async () => {
    const first = await run(...args("scratch,mae", "0"), "--json");
    expect(first).toMatchObject({ code: 0, err: "" });
    expect(readdirSync(at("runs", "compare")).sort()).toEqual(
      ["compare.json", "compare.svg", "mae", "report.html", "report.json", "scratch"].sort(),
    );
    expect(readdirSync(at("runs", "compare", "mae"))).toEqual(["seed-0.json"]);
    const before = trial("mae", 0);
    expect(before).toMatchObject({
      seed: 0,
      images: 20,
      testImages: 4,
      settings: { method: "mae", beta2: 0.95 },
    });
    expect(before.result.pretrain).toMatchObject({ steps: 40, seconds: expect.any(Number) });
    expect(trial("scratch", 0).result).not.toHaveProperty("pretrain");
    expect(before.result.accuracy.map(({ labels }: { labels: number }) => labels)).toEqual([4, 8]);

    const second = await run(...args("scratch,mae,simclr", "0,1"), "--json");
    expect(second).toMatchObject({ code: 0, err: "" });
    expect(second.out).toContain("Already done: 2");
    expect(second.out).not.toContain("MAE, seed 0");
    expect(trial("mae", 0)).toEqual(before);
    const { table, complete, seeds } = json("runs", "compare", "compare.json");
    expect({ complete, seeds }).toEqual({ complete: true, seeds: [0, 1] });
    expect(table.map(({ name, runs }: { name: string; runs: number }) => [name, runs])).toEqual([
      ["From scratch", 2],
      ["MAE", 2],
      ["SimCLR", 2],
    ]);
    const [knn] = table.map((row: { knn: unknown }) => row.knn);
    const values = [trial("scratch", 0), trial("scratch", 1)].map(({ result }) => result.knn);
    expect(knn.values).toEqual(values);
    expect(knn.mean).toBeCloseTo((values[0] + values[1]) / 2);
    expect(readFileSync(at("runs", "compare", "report.html"), "utf8")).toContain("The methods");
  });

  it("refuses other settings than before, naming them and whose", async () => {
    const other = await run(...args("scratch,mae", "0"), "--width", "32", "--learning-rate", "0.1");
    expect(other.code).toBe(2);
    // A network from scratch has no learning rate of pretraining.
    expect(other.err).toMatch(
      /expected the settings that scratch with seed 0 was run with: --width 16 \(now 32\)$/m,
    );
    const rate = await run(...args("scratch,mae", "0"), "--learning-rate", "0.1");
    expect(rate.err).toMatch(/that mae with seed 0 was run with: --learning-rate 0.00\d+ \(now 0.1\)$/m);
    const labels = args("scratch,mae", "0").map((arg) => (arg === "2,4" ? "2" : arg));
    expect((await run(...labels)).err).toMatch(/--labels-per-class 2,4 \(now 2\)/);
    expect((await run(...args("mae", "0"), "--alpha", "2")).err).toMatch(
      /^sit: --(alpha|projection-\w+): expected settings that the method mae uses/,
    );
    expect((await run(...args("mae,mae", "0"))).err).toMatch(
      /--methods: expected different names, got mae twice/,
    );
    expect((await run(...args("scratch,mae", "0"), "--out", "photos")).err).toMatch(
      /--out photos: expected a new folder/,
    );
    // What changes nothing of the result may be another.
    expect((await run(...args("scratch,mae", "0"), "--keep-checkpoints", "1", "--quiet")).code).toBe(0);
  });

  it("is saved when it is stopped, and comes to the same", async () => {
    const whole = trial("mae", 1).result;
    rmSync(at("runs", "compare", "mae", "seed-1.json"));
    const long = [...args("scratch,mae,simclr", "0,1"), "--json"];
    const running = startSit(folder, long);
    await running.says(/"stage":"MAE, seed 1: pretraining","unit":"steps","done":1,/);
    running.child.kill("SIGINT");
    const stopped = await running.finished;
    expect(stopped.code).toBe(130);
    expect(stopped.err).toMatch(
      /saved after step \d+ in .*seed-1.*\n {2}Go on with: sit compare --data photos/,
    );
    const again = await run(...long);
    expect(again).toMatchObject({ code: 0, err: "" });
    expect(again.out).toMatch(/MAE, seed 1: going on after step/);
    const { pretrain, ...measured } = trial("mae", 1).result;
    expect(measured.knn).toEqual(whole.knn);
    expect(measured.accuracy.map(({ top1 }: { top1: number }) => top1)).toEqual(
      whole.accuracy.map(({ top1 }: { top1: number }) => top1),
    );
    expect(pretrain.epochs.map(({ metrics }: { metrics: unknown }) => metrics)).toEqual(
      whole.pretrain.epochs.map(({ metrics }: { metrics: unknown }) => metrics),
    );
  });
});
