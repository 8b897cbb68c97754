import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { notCounted } from "@sitjs/data";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { presets } from "../settings/presets.js";
import { openAnnotatedData } from "./annotated-data.js";
import { type AnnotationSources, annotationSources } from "./annotation-sources.js";
import { findDataset, openDataset } from "./catalogue.js";
import { leftOutImages } from "./left-out.js";

const folder = mkdtempSync(join(tmpdir(), "sit-annotated-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (...path: string[]) => join(folder, ...path);

const xml = (file: string, objects: readonly [string, boolean][]) =>
  `<annotation><filename>${file}</filename>${objects
    .map(([name, hard]) => `<object><name>${name}</name><difficult>${Number(hard)}</difficult></object>`)
    .join("")}</annotation>`;

beforeAll(async () => {
  for (const path of ["images", "voc", "lists"]) mkdirSync(at(path));
  const labels: Record<string, string[]> = {};
  for (let i = 0; i < 10; i++) {
    await sharp({ create: { width: 2, height: 2, channels: 3, background: { r: i, g: 0, b: 0 } } })
      .png()
      .toFile(at("images", `${i}.png`));
    labels[`${i}.png`] = i % 2 === 0 ? ["cat"] : ["cat", "dog"];
  }
  writeFileSync(at("all.json"), JSON.stringify(labels));
  writeFileSync(at("few.csv"), "file,labels\n0.png,cat;dog\n1.png,cat\n2.png,\n");
  writeFileSync(at("cow.csv"), "file,labels\n3.png,cow\n");
  writeFileSync(at("gone.json"), JSON.stringify({ ...labels, "gone.png": ["cat"] }));
  for (const i of [0, 1, 2, 3]) {
    writeFileSync(
      at("voc", `${i}.xml`),
      xml(`${i}.png`, [["cat", i === 2] as const, ["dog", false] as const]),
    );
  }
  writeFileSync(at("lists", "train.txt"), "0\n1\n");
  writeFileSync(at("lists", "val.txt"), "2\n3\n");
});

function open(sources: Partial<AnnotationSources>, { source = at("images"), badImages = 0.1 } = {}) {
  const report = () => undefined;
  const leftOut = leftOutImages(report);
  const named = Object.fromEntries(
    Object.entries(sources).map(([name, value]) => [
      name,
      ["format", "separator"].includes(name) ? value : at(value as string),
    ]),
  );
  return openAnnotatedData(source, named as unknown as AnnotationSources, {
    channels: 3,
    imageSize: 8,
    labelled: true,
    settings: { ...presets["paper-small"], badImages },
    leftOut,
    report,
    signal: new AbortController().signal,
  });
}

describe("images with annotations", () => {
  it("are cut in the same two parts every time, where no test labels are given", async () => {
    const [first, again] = await Promise.all([open({ labels: "all.json" }), open({ labels: "all.json" })]);
    expect([first.train.length, first.test?.length]).toEqual([8, 2]);
    expect(first.test?.storage).toEqual(again.test?.storage);
    expect(first.test?.targets).toHaveLength(4);
    expect(first.note).toMatch(/no --test-labels, so 8 images are for training and 2 for testing$/);
  });

  it("tell how many images have no annotation", async () => {
    const { train, note } = await open({ labels: "few.csv", separator: ";", testLabels: "few.csv" });
    expect(Array.from(train.targets ?? [])).toEqual([1, 1, 1, 0, 0, 0]);
    expect(note).toMatch(/: 3 images for training and 3 for testing; 7 without annotation are passed over$/);
    expect((await open({ labels: "few.csv", separator: ";" })).note).toMatch(
      /; 7 without annotation are passed/,
    );
  });

  it("of Pascal VOC come by lists of one folder; difficult objects do not count", async () => {
    const { train, test } = await open({ labels: "voc", list: "lists/train.txt", testList: "lists/val.txt" });
    expect(train.classes).toEqual(["cat", "dog"]);
    expect(Array.from(train.targets ?? [])).toEqual([1, 1, 1, 1]);
    expect(Array.from(test?.targets ?? [])).toEqual([notCounted, 1, 1, 1]);
  });

  it("that are missing count as unreadable ones, for training and for the test", async () => {
    const { train } = await open({ labels: "gone.json", testLabels: "all.json" });
    expect(train.length).toBe(10);
    const strict = open({ labels: "gone.json", testLabels: "all.json" }, { badImages: 0 });
    await expect(strict).rejects.toThrow(/every image to be readable \(--bad-images 0\), got 1 of 11/);
    const test = open({ labels: "all.json", testLabels: "gone.json" });
    await expect(test).rejects.toThrow(
      /\(--bad-test-images 0\), got 1 of 11 .*gone\.png \(in the annotations/,
    );
  });

  it.each<[string, Partial<AnnotationSources>, RegExp]>([
    ["labels that are not there", { labels: "none" }, /^--labels .*none: expected annotations, got nothing/],
    ["a class that training lacks", { labels: "all.json", testLabels: "cow.csv" }, /^--test-labels .*"cow"$/],
    [
      "a list of no VOC",
      { labels: "all.json", list: "lists/train.txt" },
      /^--list: expected a folder of Pascal/,
    ],
    [
      "another list of no VOC",
      { labels: "all.json", testList: "lists/val.txt" },
      /^--test-list: expected a folder/,
    ],
    ["a separator of no CSV", { labels: "all.json", separator: ";" }, /^--separator: expected a CSV file/],
    ["another format", { labels: "all.json", format: "coco" }, /^--labels .*all\.json: images: expected/],
  ])("are refused by the option: %s", async (_, sources, message) => {
    await expect(open(sources)).rejects.toThrow(message);
  });

  it("of the catalogue need several labels an image", async () => {
    const dataset = await findDataset("cifar-10");
    const wanted = { labelled: true, several: true } as never;
    await expect(openDataset(dataset as NonNullable<typeof dataset>, wanted)).rejects.toThrow(
      /^--data cifar-10: expected a data set with several labels for each image, got one/,
    );
  });

  it("need a folder", async () => {
    const cifar = open({ labels: "all.json" }, { source: "cifar-10" });
    await expect(cifar).rejects.toThrow(/^--data cifar-10: .*got a data set without them/);
    const file = open({ labels: "all.json", testData: "all.json", testLabels: "all.json" });
    await expect(file).rejects.toThrow(/^--test-data .*all\.json: expected a folder .*got a file/);
  });
});

describe("annotationSources", () => {
  it("takes options before what the run began with", () => {
    const saved = { labels: "a.csv", separator: " " };
    expect(annotationSources({ data: "x" }, saved)).toEqual(saved);
    expect(annotationSources({ labels: "b.csv" }, saved)).toEqual({ labels: "b.csv", separator: " " });
  });

  it("asks for what is missing", () => {
    expect(() => annotationSources({}, undefined)).toThrow(/^--labels: .*got none/);
    expect(() => annotationSources({ labels: "a", testData: "b" }, undefined)).toThrow(/^--test-data: /);
  });
});
