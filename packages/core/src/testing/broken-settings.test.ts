// The checks of settings catch what they are for.
import { describe, expect, it } from "vitest";
import { partRecord, partRecords } from "../part-record.js";
import { runChecks, settingsChecks, type TestedPart } from "./index.js";

const part = (settings?: TestedPart["settings"]): TestedPart => ({
  name: "part",
  ...(settings && { settings }),
});
/** What the checks say of a part, and of it with its option changed. */
async function said(make: () => TestedPart, other?: () => TestedPart): Promise<string> {
  const checks = settingsChecks(make, other && { others: { ratio: other } });
  return await runChecks(checks).then(
    () => "nothing",
    (error: Error) => error.message,
  );
}

describe("settings checks", () => {
  it("take settings that are plain JSON and differ with the option, and none where none are asked for", async () => {
    const of = (ratio: number) => () => part({ ratio, kinds: [{ name: "noise", share: null }] });
    expect(await said(of(0.5), of(0.6))).toBe("nothing");
    expect(await said(() => part())).toBe("nothing");
  });

  it.each([
    ["a function", () => part({ f: () => 1 }), "function as settings.f"],
    ["undefined", () => part({ ratio: undefined }), "undefined as settings.ratio"],
    ["a number that JSON has not", () => part({ nested: [1, Number.NaN] }), "NaN as settings.nested.1"],
    ["a typed array", () => part({ mean: Float32Array.of(1) }), "Float32Array as settings.mean"],
    ["a number drawn anew", () => part({ ratio: Math.random() }), "again, got"],
  ])("refuse %s", async (_, make, reason) => {
    expect(await said(make)).toContain(reason);
  });

  it.each([
    ["that are left out", part(), part(), "expected settings, got undefined"],
    ["that do not know the option", part({ a: 1 }), part({ a: 1 }), "other settings for another ratio"],
    [
      "whose names change",
      part({ a: 1 }),
      part({ a: 1, ratio: 2 }),
      "settings named a for another ratio, got a, ratio",
    ],
  ])("refuse settings %s, told of another option", async (_, one, other, reason) => {
    expect(
      await said(
        () => one,
        () => other,
      ),
    ).toContain(reason);
  });
});

describe("partRecord", () => {
  it("has a part's name with its settings, or that they are unknown", () => {
    expect(partRecords({ head: part({ width: 8 }), loss: part() })).toEqual({
      head: { name: "part", width: 8 },
      loss: { name: "part", unknown: true },
    });
  });

  it("has of a function what it says alone, since bundlers change its name", () => {
    const tiles = () => [];
    expect(partRecord(tiles)).toEqual({ unknown: true });
    expect(partRecord(Object.assign(tiles, { settings: { name: "tiles", gap: 1 } }))).toEqual({
      ...{ name: "tiles", gap: 1 },
    });
  });
});
