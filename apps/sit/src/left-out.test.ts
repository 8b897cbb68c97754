import { appendFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { makePictures, runsFolder, tiny } from "./testing.js";

const { at, json, run, start } = runsFolder("left-out", async (at) => {
  await makePictures(at("photos", "train"), 12);
  await makePictures(at("photos", "test"), 2);
});

const engine = "--engine wasm --workers 0";

describe("images that cannot be read", () => {
  it("in training: left out, counted and listed at the end, up to a share", async () => {
    await makePictures(at("some"), 12);
    writeFileSync(at("some", "red", "0.png"), "");
    writeFileSync(at("some", "blue", "page.jpg"), "<html><body>Not found</body></html>");
    const pretrain = `pretrain --data some ${tiny} --epochs 2 --out some-run`;
    const refused = await run(`${pretrain} --bad-images 0.05`);
    expect(refused).toMatchObject({ code: 2, out: "" });
    expect(refused.err).toMatch(
      /^sit: some: expected at most 5\.0 % .*\(--bad-images 0\.05\), got 2 of 25 .*blue\/page\.jpg.*red\/0\.png/,
    );
    expect(refused.err).toContain("or raise --bad-images");
    expect(refused.err.trimEnd().split("\n")).toHaveLength(2);

    const { code, out, err } = await run(pretrain);
    expect(code).toBe(0);
    expect(out).toContain("Left out 2 training images:\n");
    expect(out).toContain("  1 not-an-image: blue/page.jpg\n");
    expect(out).toContain("  1 empty: red/0.png\n");
    expect(err).toContain("Left out red/0.png: ");
    const { leftOut, images } = json("some-run", "summary.json");
    expect(images).toBe(23);
    expect(leftOut).toMatchObject({ count: 2, kinds: { "not-an-image": 1, empty: 1 } });
    expect(leftOut.images).toContainEqual({
      part: "training",
      path: "red/0.png",
      kind: "empty",
      reason: expect.any(String),
    });
    expect(readFileSync(at("some-run", "report.html"), "utf8")).toContain("Images left out");
  });

  it("in a test set: refused before anything is computed, unless a share is given", async () => {
    const test = at("photos", "test", "red", "9.png");
    // The header is as it should be: only decoding all of it tells.
    writeFileSync(test, readFileSync(at("photos", "test", "red", "0.png")));
    truncateSync(test, 200);
    const finetune = `finetune --from-scratch --data photos ${tiny.replace(/--(recon|proj)\S+ \d+ ?/g, "")} --epochs 1 --json`;
    const refused = await run(finetune);
    expect(refused).toMatchObject({ code: 2, out: "" });
    expect(refused.err).toMatch(
      /^sit: photos.test: expected every image to be readable \(--bad-test-images 0\), got 1 of 5 .*red\/9\.png/,
    );
    const { code, out } = await run(`${finetune} --bad-test-images 0.3`);
    expect(code).toBe(0);
    const events = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events).toContainEqual({
      event: "left-out",
      part: "test",
      path: "red/9.png",
      kind: "truncated",
      reason: expect.any(String),
    });
    expect(events.at(-1)).toMatchObject({
      event: "result",
      testImages: 4,
      leftOut: { count: 1, parts: { test: 1 } },
    });
    rmSync(test);
  });

  it("that break while training goes on: others take their places; k-NN goes without them", async () => {
    await makePictures(at("breaking"), 12);
    const args = `pretrain --data breaking ${tiny} --epochs 60 --json`;
    const running = start(`${args} --out breaking-run`);
    await running.says(/"progress"/);
    rmSync(at("breaking", "red", "3.png"));
    truncateSync(at("breaking", "blue", "4.png"), 100);
    const { code, out, err } = await running.finished;
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const result = JSON.parse(out.trimEnd().split("\n").at(-1) as string);
    expect(result.leftOut.kinds).toEqual({ missing: 1, truncated: 1 });
    expect(result.pretrain.steps).toBe(360);

    await makePictures(at("late"), 12);
    appendFileSync(at("late", "red", "3.png"), "");
    truncateSync(at("late", "blue", "4.png"), 100);
    const knn = await run(`knn --data late --checkpoint breaking-run ${engine} --bad-test-images 0.1`);
    expect(knn.code).toBe(0);
    expect(knn.out).toContain("by 19 training images");
    expect(knn.out).toContain("  1 truncated: blue/4.png\n");
  });

  it("too many of them while training goes on: the run ends, saved", async () => {
    await makePictures(at("vanishing"), 12);
    const running = start(`pretrain --data vanishing ${tiny} --epochs 200 --json --out gone`);
    await running.says(/"progress"/);
    rmSync(at("vanishing", "red"), { recursive: true });
    const { code, err } = await running.finished;
    expect(code).toBe(2);
    expect(err).toMatch(/^sit: vanishing: expected at most 10\.0 % unreadable images/);
    expect(err).toContain("--bad-images");
    const resumed = await run("pretrain --resume --out gone");
    expect(resumed.code).toBe(2);
    expect(resumed.err).toContain("12 training images fewer");
  });
});
