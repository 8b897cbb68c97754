import { describe, expect, it } from "vitest";
import { workloads } from "../workloads.mjs";
import { stepFlops } from "./flops.mjs";
import { isClearlySlower, makeRow, pairedRatios } from "./rows.mjs";
import { settings } from "./sides.mjs";
import { stepLines } from "./table.mjs";

/** A setting by its name, with times; processor time is twice the time. */
function measured(name, times, changes = {}) {
  const setting = settings.find((each) => each.name === name);
  return { setting, times, cpu: times.map((time) => 2 * time), startMB: 300, peakMB: 1000, ...changes };
}

const eager = "PyTorch float32";
const compiled = "PyTorch float32, torch.compile";
const autocast = "PyTorch bfloat16 autocast";

describe("a row", () => {
  it("compares float32 with eager PyTorch, and says what the fastest setting takes", () => {
    const row = makeRow(
      "A",
      "float32",
      [
        measured("sitjs float32", [900, 1000, 1100], { peakMB: 800 }),
        measured(eager, [1500, 1600, 1700]),
        measured(compiled, [1400, 1450, 1400]),
      ],
      150,
    );
    expect(row).toMatchObject({
      workload: "A",
      precision: "float32",
      ours: 1000,
      peer: 1600,
      peerName: eager,
      ratio: 1.6,
      oursPeakMB: 800,
      peerPeakMB: 1000,
      target: 1.5,
      fastest: { name: compiled, time: 1400, ratio: 1.4 },
      oursSpread: { minimum: 900, maximum: 1100 },
      oursCpu: 2000,
    });
    expect(row.ratioSpread).toMatchObject({ minimum: 1.545, median: 1.6, maximum: 1.667 });
    // One second of a machine that does 150 GFLOP/s.
    expect(row.gemmShare).toBeCloseTo(stepFlops(workloads.A) / 150e9, 3);
  });

  it("compares bfloat16 with the fastest of PyTorch's settings, those that failed or left early said so", () => {
    const row = makeRow(
      "E",
      "bfloat16",
      [
        measured("sitjs bfloat16", [400, 400, 400, 400]),
        measured(autocast, [500, 510, 490], { note: "clearly slower" }),
        measured("PyTorch bfloat16 autocast, torch.compile", [420, 300, 420, 420]),
      ],
      300,
    );
    expect(row).toMatchObject({
      peerName: "PyTorch bfloat16 autocast, torch.compile",
      ratio: 1.05,
      target: 1,
    });
    expect(row.settings[1]).toMatchObject({ name: autocast, rounds: 3, note: "clearly slower" });
    const failed = makeRow(
      "A",
      "bfloat16",
      [
        measured("sitjs bfloat16", [400]),
        measured(autocast, [500]),
        measured("PyTorch bfloat16 autocast, torch.compile", [], { error: "no C++ compiler" }),
      ],
      300,
    );
    expect(failed.peerName).toBe(autocast);
    expect(stepLines([failed]).join("\n")).toContain("not possible: no C++ compiler");
  });

  it("is an error with the reason where PyTorch could not compute at all", () => {
    const alone = [measured("sitjs float32", [1]), measured(eager, [], { error: "out of memory" })];
    expect(() => makeRow("A", "float32", alone, 1)).toThrow("out of memory");
  });

  it("is marked in the table where it misses its ratio or memory", () => {
    const slow = makeRow("A", "float32", [measured("sitjs float32", [1000]), measured(eager, [1490])], 150);
    expect(stepLines([slow])[1]).toMatch(/1\.49 \*/);
    const large = [measured("sitjs float32", [1000], { peakMB: 1001 }), measured(eager, [1500])];
    expect(stepLines([makeRow("A", "float32", large, 150)])[1]).toMatch(/1\.50 .*1001 \*/);
    const good = [measured("sitjs float32", [1000]), measured(eager, [1500])];
    expect(stepLines([makeRow("A", "float32", good, 150)]).join("\n")).not.toContain("*");
  });
});

describe("rounds", () => {
  it("are paired, as many as both took part in", () => {
    expect(pairedRatios([100, 200, 400], [150, 250])).toEqual([1.5, 1.25]);
  });

  it("leave a setting out only where its best is slower than the other's worst", () => {
    expect(isClearlySlower([11, 12, 13], [8, 9, 10])).toBe(true);
    expect(isClearlySlower([10, 12, 13], [8, 9, 10])).toBe(false);
  });
});
