import { cpSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { makePictures, runsFolder, tiny } from "./testing.js";

const { at, json, run, start } = runsFolder("test-images", async (at) => {
  await makePictures(at("whole", "train"), 6);
  await makePictures(at("whole", "test"), 3);
  cpSync(at("whole"), at("broken"), { recursive: true });
  // The headers are as they should be, and two of the files have the same name below their folders.
  for (const [part, name] of [
    ["train", "0"],
    ["test", "0"],
    ["test", "1"],
  ] as const) {
    truncateSync(at("broken", part, "red", `${name}.png`), 200);
  }
});

const judge = "--engine wasm --workers 0 --bad-images 0.5 --bad-test-images 0.5";
const counted = { count: 3, parts: { training: 1, test: 2 }, kinds: { truncated: 3 } };
const told =
  "Left out 1 training image:\n  1 truncated: red/0.png\nLeft out 2 test images:\n  2 truncated: red/0.png, red/1.png\n";

describe("test images that cannot be read are told by every command that has them", () => {
  beforeAll(async () => {
    const { code, err } = await run(`pretrain --data whole ${tiny} --epochs 1 --out run`);
    if (code !== 0) throw new Error(err);
  }, 60_000);

  it.each([
    ["knn --checkpoint run --out knn", "on 4 test images, by 11 training images"],
    ["linear --checkpoint run --out linear --epochs 2", "on 4 test images, by 11 labels"],
    ["fewshot --checkpoint run --out few --shots 1 --draws 2", "on 4 test images"],
  ])("%s", async (command, says) => {
    const { code, out } = await run(`${command} --data broken ${judge}`);
    expect(code).toBe(0);
    expect(out).toContain(says);
    expect(out).toContain(told);
    const folder = /--out (\S+)/.exec(command)?.[1] as string;
    expect(json(folder, "summary.json")).toMatchObject({
      ...{ trainImages: 11, testImages: 4, leftOut: counted },
    });
    expect(readFileSync(at(folder, "report.html"), "utf8")).toContain("red/1.png (test)");
  });

  it.each([
    ["embed --out rows.parquet", "15 images"],
    ["project --out places.svg --perplexity 2", "15 images"],
    ["data show broken --part test --out sheet.png --count 20", "broken, test: 4 images"],
    ["reconstruct --split test --out repaired.png --count 20", "4 images"],
  ])("%s", async (command, says) => {
    const [own, pictures] = [`${command} ${judge}`, /^(data|recon)/.test(command)];
    const where = command.startsWith("data") ? "" : " --data broken --checkpoint run";
    const plain = pictures ? own.replace("--workers 0 ", "") : own;
    const { code, out, err } = await run(`${plain}${where}`);
    expect({ code, err: code === 0 ? "" : err }).toEqual({ code: 0, err: "" });
    expect(out).toContain(says);
    // Of the training images, pictures of test images want the headers alone.
    expect(out).toContain(pictures ? "Left out 2 test images:\n" : told);
    if (command.startsWith("project")) {
      expect(json("places.json").leftOut).toHaveLength(3);
      expect(json("places.json").points).toHaveLength(15);
    }
  });

  it("compare, at its end too", async () => {
    const small = `${tiny} --epochs 1 --finetune-epochs 1`;
    const what = "--methods sit --seeds 0 --labels-per-class 2";
    const { code, out } = await run(
      `compare --data broken --preset compare-color ${what} ${small} --bad-test-images 0.5 --out compared`,
    );
    expect(code).toBe(0);
    expect(out).toContain("Accuracy on 4 test images of broken");
    expect(out).toContain(told);
    expect(json("compared", "compare.json").leftOut).toMatchObject(counted);
  });

  it("ablate, at its end too", async () => {
    writeFileSync(
      at("grid.mjs"),
      `export default { title: "Tried", seeds: [0], labelsPerClass: [2], bankImages: 6,
        axes: [{ name: "alpha", title: "Alpha", variants: [{ name: "1" }] }] };`,
    );
    const small = `${tiny.replace(/--recon\S+ \d+ ?/g, "")} --epochs 1 --finetune-epochs 1`;
    const bad = "--bad-images 0.5 --bad-test-images 0.5";
    const { code, out } = await run(
      `ablate grid.mjs --data broken --preset compare-color ${small} ${bad} --out ablated`,
    );
    expect(code).toBe(0);
    expect(out).toContain("Accuracy on 4 test images of broken");
    expect(out).toContain(told);
    expect(json("ablated", "ablate.json").leftOut).toMatchObject(counted);
    expect(readFileSync(at("ablated", "report.html"), "utf8")).toContain("red/1.png (test)");
  });

  it("demo, at its end too, and where it goes on", async () => {
    const small = `${tiny} --epochs 2 --checkpoint-steps 2 --labels-per-class 2 --finetune-steps 2`;
    const bad = "--bad-images 0.5 --bad-test-images 0.5";
    const running = start(`demo --data broken ${small} ${bad} --out shown --json`, { slowly: true });
    await running.says(/"stage":"From scratch/);
    running.child.kill("SIGINT");
    expect((await running.finished).code).toBe(130);
    const { code, out } = await run("demo --resume --out shown");
    expect(code).toBe(0);
    expect(out).toContain("Accuracy on 4 test images of broken");
    expect(out).toContain(told.trimEnd());
    expect(json("shown", "summary.json").leftOut).toMatchObject(counted);
    expect(readFileSync(at("shown", "report.html"), "utf8")).toContain("red/1.png (test)");
  });

  it.each(["ablate grid.mjs", "demo"])("%s ends at once where none may be broken", async (command) => {
    const { code, err } = await run(
      `${command} --data broken --labels-per-class 2 --bad-images 0.5 --engine wasm --workers 0 --channels 3 --image-size 16 --out none`,
    );
    expect(code).toBe(2);
    expect(err).toMatch(/red\/[01]\.png/);
  });

  it("an image of a table that only decoding shows to be broken is passed over by data show", async () => {
    const table = fileURLToPath(new URL("../../../fixtures/parquet/cut-image.parquet", import.meta.url));
    const { code, out } = await run(`data show ${table} --out table.png --bad-images 0.5 --engine wasm`);
    expect(code).toBe(0);
    expect(out).toContain("Left out 1 training image:\n  1 truncated: cut-image.parquet#1/1.png\n");
    expect(out).toContain("Wrote table.png: 2 images");
  });
});

it("a test image that breaks while the run learns: it ends saved, and goes on with the test alone", async () => {
  cpSync(at("whole"), at("late"), { recursive: true });
  const image = at("late", "test", "red", "1.png");
  const bytes = readFileSync(image);
  const small = tiny.replace(/--(recon|proj)\S+ \d+ ?/g, "");
  const running = start(`finetune --data late --from-scratch ${small} --epochs 15 --out late-run`, {
    slowly: true,
  });
  await running.says(/Training from scratch \(/);
  truncateSync(image, 200);
  const { code, err } = await running.finished;
  expect(code).toBe(2);
  expect(err).toMatch(
    /red\/1\.png: expected a readable image, got: a file that ends before its image does\n/,
  );
  expect(err).toContain("The training is done and saved. Put the image back as it was");
  writeFileSync(image, bytes);
  const resumed = await run("finetune --resume --out late-run");
  expect(resumed).toMatchObject({ code: 0, err: expect.stringContaining("Going on after step 45 of 45") });
  expect(resumed.out).toContain("on 6 test images, with 12 labels");
});
