import { describe, expect, it } from "vitest";
import { soakFindings } from "./soak-findings.mjs";

const settings = { steps: 400, warmup: 100, flat: 0.03 };
const ended = { seconds: 2, tensors: 7, tensorBytes: 70, other: 0, otherSteps: [], evaluations: 1 };
const sample = (step, changes = {}) => ({
  step,
  saved: true,
  residentMB: 200,
  peakMB: 250,
  heapMB: 20,
  externalMB: 2,
  handles: 9,
  threads: 5,
  tensors: 7,
  tensorBytes: 70,
  milliseconds: 5 * step,
  ...changes,
});
const samples = (...changes) => changes.map((change, i) => sample(100 * (i + 1), change));

describe("a soaked run", () => {
  it("holds where what it holds stays, whatever the warm-up has taken", () => {
    const steady = samples({ residentMB: 300, handles: 20 }, {}, { residentMB: 203 }, { residentMB: 198 });
    const { findings, failures } = soakFindings(steady, ended, settings);
    expect(failures).toEqual([]);
    expect(findings.resident).toEqual({ minimum: 198, median: 200, maximum: 203, spread: 0.025 });
    expect(findings.stepMs).toBe(5);
  });

  it("may hold more between two checkpoints, and says how much", () => {
    const between = { residentMB: 220, saved: false };
    const { findings, failures } = soakFindings(
      samples({}, {}, between, { residentMB: 202 }),
      ended,
      settings,
    );
    expect(failures).toEqual([]);
    expect(findings.saved).toEqual({ minimum: 200, median: 201, maximum: 202, spread: 0.01 });
    expect(findings.resident.maximum).toBe(220);
  });

  it.each([
    [
      "memory that grows",
      samples({}, {}, { residentMB: 204 }, { residentMB: 208 }),
      {},
      /from 200 to 208 MB/,
    ],
    ["a file left open", samples({}, {}, {}, { handles: 10 }), {}, /^open files: .* got 9, 10$/],
    ["threads left over", samples({}, {}, { threads: 6 }, { threads: 8 }), {}, /^threads: .* got 8$/],
    [
      "a tensor left over",
      samples({}, {}, {}, {}),
      { other: 3, otherSteps: [{ done: 4 }] },
      /^3 steps with other/,
    ],
  ])("fails with %s", (_, given, changes, message) => {
    const { failures } = soakFindings(given, { ...ended, ...changes }, settings);
    expect(failures).toEqual([expect.stringMatching(message)]);
  });
});
