import { readFileSync } from "node:fs";
import { SitError } from "@sitjs/core";
import { describe, expect, it } from "vitest";
import { type CollapseMeasures, collapseMeasures } from "./collapse.js";

/** By numpy: `fixtures/collapse/make.py`. */
const { cases } = JSON.parse(
  readFileSync(new URL("../../../fixtures/collapse/collapse.json", import.meta.url), "utf8"),
) as { cases: (CollapseMeasures & { name: string; size: number; features: number[] })[] };

describe("collapseMeasures", () => {
  it.each(cases)("is numpy's of embeddings $name", async ({ size, features, ...expected }) => {
    const found = await collapseMeasures({ features: Float32Array.from(features), size });
    expect(found.deviation).toBeCloseTo(expected.deviation, 10);
    expect(found.effectiveRank).toBeCloseTo(expected.effectiveRank, 6);
    expect(found.rank).toBe(expected.rank);
  });

  it("is 0 and 1 where all embeddings are the same, or 0", async () => {
    const same = await collapseMeasures({
      features: Float32Array.from({ length: 40 }, (_, i) => i % 4),
      size: 4,
    });
    expect(same.deviation).toBeCloseTo(0, 7);
    expect(same.effectiveRank).toBeCloseTo(1, 3);
    expect(same.rank).toBe(1);
    expect(await collapseMeasures({ features: new Float32Array(12), size: 4 })).toEqual({
      deviation: 0,
      effectiveRank: 1,
      rank: 0,
    });
  });

  it("is 1 and the size for the unit vectors and their opposites", async () => {
    const size = 5;
    const features = new Float32Array(2 * size * size);
    for (let k = 0; k < size; k++) {
      features[k * size + k] = 1;
      features[(size + k) * size + k] = -1;
    }
    const found = await collapseMeasures({ features, size });
    expect(found.deviation).toBeCloseTo(1, 12);
    expect(found.effectiveRank).toBeCloseTo(size, 4);
    expect(found.rank).toBe(size);
  });

  it("refuses no rows, half a row, and what is not finite", async () => {
    await expect(collapseMeasures({ features: new Float32Array(0), size: 4 })).rejects.toThrow(
      "at least one row",
    );
    await expect(collapseMeasures({ features: new Float32Array(6), size: 4 })).rejects.toThrow(
      "expected rows of 4 features, got 6 values",
    );
    await expect(collapseMeasures({ features: Float32Array.of(1, Number.NaN), size: 2 })).rejects.toThrow(
      SitError,
    );
  });
});
