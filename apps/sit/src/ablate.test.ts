import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { besidePath } from "@sitjs/core/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ensureBuilt, makePictures, sit } from "./testing.js";

let folder: string;
const at = (...path: string[]) => join(folder, ...path);
const run = (file: string, ...args: string[]) =>
  sit(folder, ["ablate", file, ...args, "--engine", "wasm", "--workers", "0"]);

const grid = (change = "") => `export default {
  title: "Tried", data: "photos", preset: "compare-color", seeds: [0, 1], labelsPerClass: [2], bankImages: 10,
  settings: {
    imageSize: 16, patchSize: 4, width: 16, depth: 1, heads: 2, projectionHidden: 16, projectionOutput: 8,
    images: 8, batchSize: 4, epochs: 2, finetuneSteps: 2,
  },
  axes: [
    { name: "alpha", title: "Alpha", variants: [{ name: "1" }, { name: "5", settings: { alpha: 5 } }] },
    {
      name: "length", title: "Length", question: "How long?",
      variants: [
        { name: "base" },
        { name: "twice", settings: (base) => ({ epochs: 2 * base.epochs }) },
        { name: "none", pretrained: false },
      ],
    },
  ],
  findings: [{ claim: "Longer is better", better: ["length/twice"], worse: ["length/none"] }],
  ${change}
};`;

beforeAll(async () => {
  ensureBuilt();
  folder = mkdtempSync(join(tmpdir(), "sit-ablate-"));
  await makePictures(at("photos"), 12);
  writeFileSync(at("grid.mjs"), grid());
}, 600_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("an ablation", () => {
  it("runs each different variant with each seed, once, and goes on where it was", async () => {
    const first = await run("grid.mjs", "--seeds", "0", "--axes", "alpha", "--json");
    expect(first).toMatchObject({ code: 0, err: "" });
    expect(first.out).toContain("2 runs: 2 different variants with 1 seeds");
    // As if it had been killed while it wrote its report.
    const { pid } = spawnSync(process.execPath, ["--version"]);
    const half = besidePath(at("runs", "ablate", "report.json"), "old").replace(
      `-${process.pid}-`,
      `-${pid}-`,
    );
    writeFileSync(half, "{}");
    mkdirSync(at("runs", "ablate", "report.json.lock"));
    const second = await run("grid.mjs", "--json");
    expect(second).toMatchObject({ code: 0, err: "" });
    // The base is in both axes; the network that is not pretrained is another one.
    expect(second.out).toContain("8 runs: 4 different variants with 2 seeds");
    expect(second.out).toContain("Already done: 2");
    const out = at("runs", "ablate");
    expect(readdirSync(out).sort()).toEqual([
      ...["ablate-alpha.svg", "ablate-length.svg", "ablate.json", "report.html", "report.json", "trials"],
    ]);
    const summary = JSON.parse(readFileSync(join(out, "ablate.json"), "utf8"));
    expect(summary).toMatchObject({ complete: true, seeds: [0, 1], labelsPerClass: [2], bankImages: 10 });
    const [alpha, length] = summary.axes;
    expect(alpha.table[0]).toEqual({ ...length.table[0], name: "1" });
    expect(length.variants[1].changed).toEqual({ epochs: 4 });
    expect(length.table.map(({ runs }: { runs: number }) => runs)).toEqual([2, 2, 2]);
    const steps = (id: string) =>
      summary.trials.find((trial: { folder: string }) => trial.folder.endsWith(id)).result.pretrain?.steps;
    expect(length.variants.map(({ id }: { id: string }) => steps(id))).toEqual([4, 8, undefined]);
    const [finding] = summary.findings;
    const values = (i: number) => length.table[i].knn.values;
    const mean = (values(1)[0] + values(1)[1] - values(2)[0] - values(2)[1]) / 2;
    expect(finding.measures.map(({ measure }: { measure: string }) => measure)).toEqual([
      ...["k-NN", "linear probe", "4 labels"],
    ]);
    expect(finding.measures[0].difference.mean).toBeCloseTo(mean, 12);
    expect(readFileSync(join(out, "report.html"), "utf8")).toContain("Longer is better");

    // As where a kill comes between a trial's result and the end of its pretraining's folder.
    const left = join(out, summary.trials[0].folder, "seed-0");
    mkdirSync(join(left, "checkpoints"), { recursive: true });
    const third = await run("grid.mjs", "--json");
    expect(third.out).toContain("Already done: 8");
    expect(existsSync(left)).toBe(false);
  });

  it.each([
    ["title: 3,", [], /ablation title: expected a text, got 3/],
    ["axes: [],", [], /ablation axes: expected a list of at least one axis/],
    [
      "findings: [{ claim: 'x', better: ['alpha/2'], worse: ['alpha/1'] }],",
      [],
      /findings\[0\].better.*"alpha\/2"/,
    ],
    [
      "axes: [{ name: 'a', title: 'A', variants: [{ name: 'x', settings: { batchSize: 1 } }] }], findings: [],",
      [],
      /ablation a\/x settings.batchSize: expected a whole number of at least 2, got 1/,
    ],
    [
      "axes: [{ name: 'a', title: 'A', variants: [{ name: 'x', settings: { maskRatio: 0.5 } }] }], findings: [],",
      [],
      /ablation a\/x settings.maskRatio: expected settings that the method sit uses/,
    ],
    ["axis: 3,", [], /other.mjs: expected keys among .*axes.*, got axis/],
    ["", ["--axes", "beta"], /--axes: expected names among alpha, length, got beta/],
    ["", ["--out", "photos"], /--out photos: expected a new folder or that of an earlier ablation/],
  ])("refuses %s %j", async (change, args, message) => {
    writeFileSync(at("other.mjs"), grid(change));
    const { code, err } = await run("other.mjs", ...args);
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringMatching(message) });
  });
});
