import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as data from "@sitjs/data";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { presets } from "../settings/presets.js";
import { readyData } from "../settings/ready-data.js";
import { openData } from "./data.js";
import { leftOutImages } from "./left-out.js";
import type { ExperimentEvent } from "./reporter.js";

// Where a data set is had from, and how it is read, is tested with it; here it is small.
vi.mock("@sitjs/data", async (original) => ({
  ...(await original<typeof import("@sitjs/data")>()),
  catalogueEntry: vi.fn<typeof data.catalogueEntry>(),
}));
const cache = mkdtempSync(join(tmpdir(), "sit-catalogue-"));
beforeEach(() => vi.stubEnv("SITJS_CACHE", cache));
afterEach(() => {
  vi.unstubAllEnvs();
  vi.mocked(data.catalogueEntry).mockReset();
});
afterAll(() => rmSync(cache, { recursive: true, force: true }));

const parts = { train: 3, unlabelled: 2, "train+unlabelled": 5, test: 2 } as const;
const images = (part: string, channels: 1 | 3 = 3) =>
  data.memoryDataset({
    name: `small/${part}`,
    pixels: new Uint8Array(parts[part as keyof typeof parts] * 16 * channels),
    width: 4,
    height: 4,
    channels,
    classes: ["airplane", "automobile"],
  });

const small: data.CatalogueEntry = {
  name: "small",
  title: "Small",
  homepage: "https://example.org",
  licence: "CC0",
  channels: 3,
  labels: "one",
  classes: 2,
  parts: Object.entries(parts).map(([name, count]) => ({ name, images: count, labelled: true })),
  files: [{ name: "all.tar", url: "https://example.org/all.tar", bytes: 2_640_000_000, md5: "0".repeat(32) }],
  open: async (_, { part }) => images(part),
};

function open(
  source: string,
  entry: data.CatalogueEntry,
  changes: { channels?: 1 | 3; labelled?: boolean; several?: boolean } = {},
) {
  vi.mocked(data.catalogueEntry).mockImplementation((name) => (name === entry.name ? entry : undefined));
  const events: ExperimentEvent[] = [];
  const report = (event: ExperimentEvent) => events.push(event);
  const settings = presets["demo-color"];
  const leftOut = leftOutImages(report);
  const { signal } = new AbortController();
  const options = { channels: 3, imageSize: 32, labelled: true, settings, leftOut, report, signal } as const;
  return { events, opened: openData(source, { ...options, ...changes }) };
}

describe("a data set that is fetched by itself", () => {
  const asked: string[] = [];
  const own = (official: boolean): data.CatalogueEntry => ({
    ...small,
    ownSources: {
      isHere: () => false,
      async open({ part, onNotice }) {
        asked.push(part);
        onNotice?.(`Fetching the ${part} images`);
        return { ...images(part), source: { location: "npm:some", official } };
      },
    },
  });

  it("gives both parts with their classes, and tells what is fetched", async () => {
    const { events, opened } = open("small", own(true));
    const { train, test, ...named } = await opened;
    expect(named).toEqual({ source: "small", name: "small" });
    expect([train.length, test?.length, train.classes?.[1]]).toEqual([3, 2, "automobile"]);
    const notes = ["train", "test"].map((part) => ({ event: "note", text: `Fetching the ${part} images` }));
    expect(events).toEqual(notes);
  });

  it("is not called by its name where it is not the official one", async () => {
    const { events, opened } = open("small", own(false));
    expect((await opened).name).toMatch(/^small \(.*not the official/);
    expect(events.at(-1)).toMatchObject({ event: "warning" });
  });

  it("is refused for a grey network before anything is fetched", async () => {
    asked.length = 0;
    await expect(open("small", own(true), { channels: 1 }).opened).rejects.toThrow(
      /^--channels: expected 3 for small/,
    );
    expect(asked).toEqual([]);
  });
});

describe("a data set that is downloaded first", () => {
  const folder = join(cache, "datasets", "small");
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("says how where it is not there, or not whole", async () => {
    const error = { code: "missing-file", mend: "sit data get small downloads it (2.6 GB; licence: CC0)." };
    await expect(open("small", small).opened).rejects.toMatchObject({
      ...error,
      message: `--data small: expected Small in ${folder}, got nothing there`,
    });
    mkdirSync(join(folder, ".sitjs"), { recursive: true });
    await expect(open("small", small).opened).rejects.toThrow(/nothing there/);
    writeFileSync(join(folder, "all.tar.partial"), "");
    await expect(open("small", small).opened).rejects.toMatchObject({
      ...error,
      message: expect.stringContaining("not come to its end"),
    });
    const byHand = { ...small, files: [], byHand: "Sign in, unpack all.tar." };
    await expect(open("small", byHand).opened).rejects.toMatchObject({
      mend: `Sign in, unpack all.tar. Its folder is ${folder}.`,
    });
  });

  it("is opened from the cache, or from the folder that it was downloaded to", async () => {
    mkdirSync(join(folder, ".sitjs"), { recursive: true });
    const record = { dataset: "small", files: { "all.tar": "0".repeat(32) } };
    writeFileSync(join(folder, ".sitjs", "record.json"), JSON.stringify(record));
    for (const source of ["small", folder]) {
      const { train, test, name } = await open(source, small).opened;
      expect([name, train.length, test?.length]).toEqual(["small", 3, 2]);
    }
  });

  it("gives pretraining the images without labels too, and no test images", async () => {
    mkdirSync(join(folder, "by-hand"), { recursive: true });
    const { train, test } = await open("small", small, { labelled: false }).opened;
    expect([train.length, test]).toEqual([5, undefined]);
  });

  it("with grey images is refused for a network in colour", async () => {
    mkdirSync(join(folder, "by-hand"), { recursive: true });
    const grey = { ...small, open: async () => images("train", 1) };
    await expect(open("small", grey).opened).rejects.toThrow(
      /^--channels: expected 1 for small.*grey, got 3/,
    );
  });

  it("with several labels an image is for pretraining and sit multilabel", async () => {
    mkdirSync(join(folder, "by-hand"), { recursive: true });
    const several: data.CatalogueEntry = { ...small, labels: "several" };
    await expect(open("small", several).opened).rejects.toMatchObject({
      code: "bad-option",
      message: expect.stringMatching(/^--data small: expected .*one label/),
      mend: expect.stringContaining("sit multilabel"),
    });
    expect((await open("small", several, { labelled: false }).opened).train.length).toBe(5);
    expect((await open("small", several, { several: true }).opened).test?.length).toBe(2);
    await expect(open("small", small, { several: true }).opened).rejects.toMatchObject({
      message: expect.stringMatching(/^--data small: expected .*several labels.*, got one$/),
      mend: "sit finetune takes it.",
    });
  });
});

it("data sets of small images have presets of their size", () => {
  for (const { name, imageSize, channels } of data.catalogue) {
    const small = (imageSize ?? 224) <= 32;
    expect([name, Object.hasOwn(readyData, name)]).toEqual([name, small]);
    if (small)
      expect(presets[readyData[name as keyof typeof readyData]]).toMatchObject({ imageSize, channels });
  }
});
