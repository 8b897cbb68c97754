import { describe, expect, it } from "vitest";
import { methodLines, methodRows } from "./method-rows.mjs";

const measured = (method, times) => ({ method, views: 1, times, cpu: times, peakMB: 900, startMB: 400 });

describe("rows of methods", () => {
  const rows = methodRows("small", [measured("mae", [100, 200, 100]), measured("simmim", [150, 400, 180])]);

  it("set each beside the first, by medians and round by round", () => {
    expect(rows.map(({ method, beside, ratio }) => [method, beside, ratio])).toEqual([
      ["mae", "mae", 1],
      ["simmim", "mae", 1.8],
    ]);
    expect(rows[1].ratioSpread).toMatchObject({ minimum: 1.5, median: 1.8, maximum: 2 });
    expect(rows[1].time).toMatchObject({ minimum: 150, median: 180, maximum: 400 });
  });

  it("become lines of equal columns", () => {
    const [head, ...lines] = methodLines(rows);
    expect(lines[1]).toMatch(/^small simmim +180 +150-400 +1\.80 +1\.65-1\.90 +900 +400$/);
    expect(head).toMatch(/ peak MB +before a step$/);
  });
});
