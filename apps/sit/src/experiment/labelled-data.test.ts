import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { presets } from "../settings/presets.js";
import { makePictures } from "../testing.js";
import { openAnnotatedData } from "./annotated-data.js";
import { openData } from "./data.js";
import { leftOutImages } from "./left-out.js";
import type { OpenDataOptions } from "./run-data.js";

const folder = mkdtempSync(join(tmpdir(), "sit-labelled-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (...path: string[]) => join(folder, ...path);

beforeAll(async () => {
  await makePictures(at("whole", "train"), 4);
  await makePictures(at("whole", "test"), 2);
});

/** Options of a command that judges by labels, and what it says. */
function opening(settings: Partial<OpenDataOptions["settings"]> = {}) {
  const said: string[] = [];
  const report: OpenDataOptions["report"] = (event) => {
    if (event.event === "note" || event.event === "warning") said.push(`${event.event}: ${event.text}`);
  };
  const leftOut = leftOutImages(report);
  const options: OpenDataOptions = {
    ...{ channels: 3, imageSize: 8, labelled: true, leftOut, report },
    settings: { ...presets["paper-small"], ...settings },
    signal: new AbortController().signal,
  };
  return { options, said, leftOut };
}

async function open(name: string, settings: Partial<OpenDataOptions["settings"]> = {}) {
  const { options, said, leftOut } = opening(settings);
  const { train, test } = await openData(at(name), options);
  return { train, test, said, leftOut };
}

describe("a folder of labelled images", () => {
  it("with two classes and its own test images gives nothing to say", async () => {
    const { train, test, said } = await open("whole");
    expect([train.length, test?.length, said]).toEqual([8, 4, []]);
  });

  it("of one class is refused: whatever is said of an image is right", async () => {
    cpSync(at("whole", "train", "red"), at("alone", "red"), { recursive: true });
    await expect(open("alone")).rejects.toThrow(
      `--data ${at("alone")}: expected at least two classes, got one, red`,
    );
  });

  it("with train and no test images is refused, since train would be a class", async () => {
    cpSync(at("whole", "train"), at("half", "train"), { recursive: true });
    await expect(open("half")).rejects.toThrow(
      /half: expected a folder test, val, .* beside train, got none/,
    );
    for (const name of ["validation", "valid", "val"]) {
      cpSync(at("whole", "test"), at("half", name), { recursive: true });
      const { train, test } = await open("half");
      expect([train.length, test?.length]).toEqual([8, 4]);
      rmSync(at("half", name), { recursive: true });
    }
    // A class may well be called so.
    cpSync(at("whole", "train", "red"), at("vehicles", "train"), { recursive: true });
    cpSync(at("whole", "train", "blue"), at("vehicles", "bus"), { recursive: true });
    expect((await open("vehicles")).train.classes).toEqual(["bus", "train"]);
  });

  it("with other classes in test than in train is refused; with fewer a warning says so", async () => {
    cpSync(at("whole"), at("more"), { recursive: true });
    cpSync(at("whole", "test", "red"), at("more", "test", "Red"), { recursive: true });
    await expect(open("more")).rejects.toThrow(/more\/test: expected folders named blue, red, got Red/);
    for (const name of ["Red", "red"]) rmSync(at("more", "test", name), { recursive: true });
    const { test, said } = await open("more");
    expect([...(test?.labels ?? [])]).toEqual([0, 0]);
    expect(said).toEqual(["warning: red: a class without a folder here; its label stays"]);
    // Many of them are counted.
    for (const name of ["a", "b", "c"])
      cpSync(at("whole", "train", "red"), at("more", "train", name), { recursive: true });
    expect((await open("more")).said).toContain(
      "warning: 4 classes have no readable image among the test images: a, b, c and others",
    );
  });

  it("with test images that it learns from is told how many", async () => {
    mkdirSync(at("leak"));
    symlinkSync(at("whole", "train"), at("leak", "train"));
    cpSync(at("whole", "test"), at("leak", "test"), { recursive: true });
    copyFileSync(at("whole", "train", "red", "3.png"), at("leak", "test", "blue", "again.png"));
    expect((await open("leak")).said).toEqual([
      `warning: ${at("leak")}: 1 of 5 test images is a training image too, such as blue/again.png (the same as red/3.png); results on them say too much`,
    ]);
    rmSync(at("leak", "test"), { recursive: true });
    symlinkSync("train", at("leak", "test"));
    expect((await open("leak")).said[0]).toContain("8 of 8 test images are training images too");
  });

  it("with files that are no images by their ending is told how many", async () => {
    cpSync(at("whole"), at("mixed"), { recursive: true });
    for (const name of ["IMG_1", "Thumbs.db", ".DS_Store"])
      writeFileSync(at("mixed", "test", "red", name), "");
    expect((await open("mixed")).said).toEqual([
      `note: ${at("mixed", "test")}: 2 files are passed over, without the ending of an image: red/IMG_1, red/Thumbs.db`,
    ]);
  });

  it("without parts names the share that it is short of, and what is left out before it is cut", async () => {
    cpSync(at("whole", "train"), at("uncut"), { recursive: true });
    writeFileSync(at("uncut", "red", "0.png"), "");
    await expect(open("uncut")).rejects.toThrow(/\(--bad-test-images 0\), got 1 of 8/);
    await expect(open("uncut", { badTestImages: 0.5 })).rejects.toThrow(/\(--bad-images 0\.1\), got 1 of 8/);
    const { leftOut } = await open("uncut", { badTestImages: 0.5, badImages: 0.5 });
    expect(leftOut.list()).toMatchObject([{ part: "all", path: "red/0.png", kind: "empty" }]);
  });
});

describe("annotated images", () => {
  it("that are in both lists are told", async () => {
    mkdirSync(at("flat"));
    for (let i = 0; i < 4; i++) copyFileSync(at("whole", "train", "red", `${i}.png`), at("flat", `${i}.png`));
    writeFileSync(at("train.csv"), "file,label\n0.png,a\n1.png,b\n2.png,a\n");
    writeFileSync(at("test.csv"), "file,label\n2.png,a\n3.png,b\n");
    const { options, said } = opening();
    const sources = { labels: at("train.csv"), testLabels: at("test.csv") };
    await openAnnotatedData(at("flat"), sources, options);
    expect(said.join("\n")).toContain(
      "1 of 2 test images is a training image too, such as 2.png (the same as 2.png)",
    );
  });
});
