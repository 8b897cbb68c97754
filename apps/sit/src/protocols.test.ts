import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { makePictures, runsFolder, tiny } from "./testing.js";

const folder = runsFolder("protocols", async (at) => {
  await makePictures(at("photos"), 12);
});
const { run, json, at } = folder;
const how = "--data photos --checkpoint runs/pretrain --engine wasm --workers 0";

describe("protocols that judge a frozen network", () => {
  it("a linear layer tells red from blue; the report has each mistake's place", async () => {
    expect((await run(`pretrain --data photos ${tiny} --epochs 1 --quiet`)).code).toBe(0);
    const options = "--features token+mean --epochs 30 --batch-size 8 --learning-rates 0.1,3 --json";
    const { code, out, err } = await run(`linear ${how} ${options}`);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const result = JSON.parse(out.trimEnd().split("\n").at(-1) as string);
    expect(result).toMatchObject({
      command: "linear",
      labels: 20,
      testImages: 4,
      accuracy: { top1: 1 },
      augment: false,
    });
    expect(result.tried.map(({ learningRate }: { learningRate: number }) => learningRate)).toEqual([0.1, 3]);
    const summary = json("runs", "linear", "summary.json");
    expect(summary.confusion).toEqual([
      [2, 0],
      [0, 2],
    ]);
    expect(readFileSync(at("runs", "linear", "report.html"), "utf8")).toContain('<section id="linear">');
    // The report is made again from its data.
    expect((await run("report runs/linear --quiet")).code).toBe(0);
  });

  it("augmented, by LARS, on few labels; into the same folder again", async () => {
    const options =
      "--augment --optimizer lars --learning-rates 1 --epochs 2 --batch-size 4 --labels-per-class 4";
    const { code, out, err } = await run(`linear ${how} ${options} --quiet`);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(
      /^Linear probe accuracy \d+\.\d\d % on 4 test images, by 8 labels, learning rate 1\nWrote /,
    );
    expect(json("runs", "linear", "summary.json")).toMatchObject({
      augment: true,
      optimizer: "lars",
      labels: 8,
    });
  });

  it("a few labels of each class, over draws, beside a random network", async () => {
    const { code, out, err } = await run(`fewshot ${how} --shots 1,5 --draws 3 --from-scratch --quiet`);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(/^class means +\d+\.\d ± \d+\.\d % +\d+\.\d ± \d+\.\d %$/m);
    const { results, draws } = json("runs", "fewshot", "summary.json");
    expect(draws).toBe(3);
    expect(results.map(({ name, shots }: { name: string; shots: number }) => `${name} ${shots}`)).toEqual(
      ["", "random "].flatMap((whose) =>
        [1, 5].flatMap((shots) =>
          ["class means", "logistic", "k-NN"].map((name) => `${whose}${name} ${shots}`),
        ),
      ),
    );
    for (const { accuracies } of results) expect(accuracies).toHaveLength(3);
    expect(readFileSync(at("runs", "fewshot", "report.html"), "utf8")).toContain('<section id="few-shot">');
  });

  it("k-NN writes a report where it is asked to", async () => {
    const { code, out } = await run(`knn ${how} --neighbours 3 --out runs/knn --quiet`);
    expect(code).toBe(0);
    expect(out).toMatch(/Wrote runs\/knn\/report\.html$/m);
    expect(
      json("runs", "knn", "summary.json")
        .confusion.flat()
        .reduce((a: number, b: number) => a + b, 0),
    ).toBe(4);
    expect(existsSync(at("runs", "knn", "report.html"))).toBe(true);
  });

  it.each([
    [
      "more layers than blocks",
      `linear ${how} --layers 2`,
      /^sit: --layers: expected at most 1, the network's blocks, got 2/,
    ],
    [
      "more shots than images",
      `fewshot ${how} --shots 1,99`,
      /^sit: --shots: expected at most 1\d, the training images/,
    ],
    [
      "a rate of 0",
      `linear ${how} --learning-rates 0,1`,
      /^sit: --learning-rates: expected a number of at least/,
    ],
    [
      "a run's folder",
      `linear ${how} --out runs/pretrain`,
      /^sit: --out runs\/pretrain: .* got that of a run with checkpoints/,
    ],
  ])("refuses %s", async (_, args, says) => {
    const { code, err, out } = await run(args);
    expect(err).toMatch(says);
    expect({ code, out }).toEqual({ code: 2, out: "" });
  });
});
