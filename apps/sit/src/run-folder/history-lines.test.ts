import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { scratchFolder } from "../../../../fixtures/own-folder.js";
import { cutHistory } from "./history.js";

const scratch = scratchFolder();
const line = (step: unknown) => `${JSON.stringify({ step, epoch: 0, seconds: 1, loss: 1 })}\n`;

it.each([-1, 0.5, "1", null, {}])(
  "a history is cut off where a step is no number of one: %j",
  async (step) => {
    const path = join(scratch(), "history.jsonl");
    writeFileSync(path, line(0) + line(step) + line(2));
    const { steps } = await cutHistory(scratch(), 10);
    expect(steps.map((each) => each.step)).toEqual([0]);
    expect(readFileSync(path, "utf8")).toBe(line(0));
    writeFileSync(path, line(step) + line(2));
    expect((await cutHistory(scratch(), 10)).steps).toEqual([]);
  },
);
