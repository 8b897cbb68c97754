import { describe, expect, it } from "vitest";
import { completeSettings, isAsBefore } from "./later.js";
import { presets } from "./presets.js";
import type { Settings } from "./settings.js";

describe("settings that earlier versions had not", () => {
  const now: Settings = { ...presets["paper-small"] };

  it("have the values that all their networks had, and do not make another trial", () => {
    const { layerNormEpsilon: _, ...before } = now;
    expect(completeSettings(before as Settings)).toEqual(now);
    expect(isAsBefore("layerNormEpsilon", now)).toBe(true);
  });

  it("count where they are other than before, as all others do", () => {
    const other = { ...now, layerNormEpsilon: 1e-12 };
    expect(completeSettings(other)).toEqual(other);
    expect(isAsBefore("layerNormEpsilon", other)).toBe(false);
    expect(isAsBefore("width", now)).toBe(false);
  });
});
