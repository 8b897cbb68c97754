import * as data from "@sitjs/data";
import { afterEach, describe, expect, it, vi } from "vitest";
import { presets } from "../settings/presets.js";
import { readyData } from "../settings/ready-data.js";
import { openData } from "./data.js";
import { leftOutImages } from "./left-out.js";
import type { ExperimentEvent } from "./reporter.js";

// Where the data set is had from is tested with it; here it is small.
vi.mock("@sitjs/data", async (original) => ({
  ...(await original<typeof import("@sitjs/data")>()),
  cifar10: vi.fn<typeof data.cifar10>(),
}));
afterEach(() => {
  vi.mocked(data.cifar10).mockReset();
});

function open(channels: 1 | 3) {
  const events: ExperimentEvent[] = [];
  const report = (event: ExperimentEvent) => events.push(event);
  const settings = presets[readyData["cifar-10"]];
  const options = {
    channels,
    imageSize: 32,
    labelled: true,
    settings,
    leftOut: leftOutImages(report),
    report,
  };
  return { events, opened: openData("cifar-10", { ...options, signal: new AbortController().signal }) };
}

describe("--data cifar-10", () => {
  it("gives both parts with their classes, and tells what is fetched", async () => {
    vi.mocked(data.cifar10).mockImplementation(async ({ split, onNotice }) => {
      onNotice?.(`Fetching the ${split} images`);
      const pixels = new Uint8Array((split === "train" ? 3 : 2) * 3072);
      const classes = ["airplane", "automobile", "bird"];
      const images = data.memoryDataset({
        name: `cifar-10/${split}`,
        pixels,
        width: 32,
        height: 32,
        channels: 3,
        classes,
      });
      return { ...images, source: { origin: "npm", location: "npm:some", official: true } };
    });
    const { events, opened } = open(3);
    const { train, test, ...named } = await opened;
    expect(named).toEqual({ source: "cifar-10", name: "cifar-10" });
    expect([train.length, test?.length, train.classes?.[1]]).toEqual([3, 2, "automobile"]);
    expect(events).toEqual([
      { event: "note", text: "Fetching the train images" },
      { event: "note", text: "Fetching the test images" },
    ]);
  });

  it("is refused for a grey network before anything is fetched", async () => {
    await expect(open(1).opened).rejects.toThrow(/^--channels: expected 3 for cifar-10/);
    expect(data.cifar10).not.toHaveBeenCalled();
  });
});
