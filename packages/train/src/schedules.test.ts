import { closeness } from "@sitjs/core/testing";
import { describe, expect, it } from "vitest";
import { loadFixture } from "../../../fixtures/load.js";
import { layerScales } from "./optimizer.js";
import {
  cosineSchedule,
  epochCosineSchedule,
  epochMomentumSchedule,
  scaledLearningRate,
  stepDecaySchedule,
} from "./schedules.js";

const fixture = loadFixture("schedules");
const values = fixture.json.values_float64 as Record<string, number[]>;

interface CosineCase {
  base_value: number;
  final_value: number;
  epochs: number;
  niter_per_ep: number;
  warmup_epochs?: number;
  start_warmup_value?: number;
}
const config = fixture.json.config as {
  cases: Record<string, CosineCase>;
  fractional: {
    mae_lr: { lr: number; min_lr: number; warmup_epochs: number; epochs: number };
    moco_lr: { lr: number; warmup_epochs: number; epochs: number };
    moco_momentum: { moco_m: number; epochs: number };
  };
};

describe("schedules against the reference (fixture schedules)", () => {
  it.each(Object.entries(config.cases))("cosineSchedule %s", (name, given) => {
    const steps = given.epochs * given.niter_per_ep;
    const schedule = cosineSchedule({
      base: given.base_value,
      final: given.final_value,
      steps,
      warmupSteps: (given.warmup_epochs ?? 0) * given.niter_per_ep,
      warmupStart: given.start_warmup_value ?? 0,
    });
    const expected = values[`cosine/${name}`] as number[];
    const actual = Array.from({ length: steps }, (_, step) => schedule(step));
    expect(closeness(actual, expected, { absolute: 1e-15, relative: 1e-12 }).excess).toBeLessThanOrEqual(0);
  });

  const epochs = Array.from({ length: 40 }, (_, i) => i / 4);
  const { mae_lr, moco_lr, moco_momentum } = config.fractional;
  it.each([
    [
      "mae_lr/a",
      epochCosineSchedule({
        base: mae_lr.lr,
        final: 0,
        epochs: mae_lr.epochs,
        warmupEpochs: mae_lr.warmup_epochs,
      }),
    ],
    [
      "moco_lr/a",
      epochCosineSchedule({ base: moco_lr.lr, epochs: moco_lr.epochs, warmupEpochs: moco_lr.warmup_epochs }),
    ],
    ["moco_momentum/a", epochMomentumSchedule({ base: moco_momentum.moco_m, epochs: moco_momentum.epochs })],
  ])("%s", (name, schedule) => {
    const expected = Array.from(fixture.entry(name).data, Number);
    expect(
      closeness(epochs.map(schedule), expected, { absolute: 1e-12, relative: 1e-6 }).excess,
    ).toBeLessThanOrEqual(0);
  });

  it.each([2, 12])("layer-wise decay at depth %i", (depth) => {
    const expected = Array.from(fixture.entry(`layer_decay/depth${depth}`).data, Number);
    expect(closeness(layerScales(depth, 0.75), expected, { relative: 1e-6 }).excess).toBeLessThanOrEqual(0);
  });
});

describe("stepDecaySchedule", () => {
  it("warms up, stays, and falls by the factor at each milestone", () => {
    const schedule = stepDecaySchedule({ base: 2, milestones: [6, 9], warmupSteps: 4, warmupStart: 1 });
    const values = Array.from({ length: 11 }, (_, step) => schedule(step));
    const expected = [1, 1.25, 1.5, 1.75, 2, 2, 0.2, 0.2, 0.2, 0.02, 0.02];
    expect(closeness(values, expected, { absolute: 1e-15 }).excess).toBeLessThanOrEqual(0);
  });

  it("is constant without milestones and warm-up, and takes another factor", () => {
    expect(stepDecaySchedule({ base: 3, milestones: [] })(1000)).toBe(3);
    expect(stepDecaySchedule({ base: 3, milestones: [1], factor: 0.5 })(1)).toBe(1.5);
  });

  it("refuses a warm-up longer than the first milestone", () => {
    expect(() => stepDecaySchedule({ base: 1, milestones: [9, 4], warmupSteps: 5 })).toThrow(
      /warmupSteps: expected 0 to 4/,
    );
  });
});

describe("limits", () => {
  it("stays at the final value past the end, and refuses a warm-up longer than the run", () => {
    expect(cosineSchedule({ base: 1, final: 0.25, steps: 4 })(9)).toBe(0.25);
    expect(() => cosineSchedule({ base: 1, final: 0, steps: 4, warmupSteps: 5 })).toThrow(
      /warmupSteps: expected 0 to 4/,
    );
  });

  it("scales the learning rate by the batch over 256", () => {
    expect(scaledLearningRate(5e-4, 64)).toBe(1.25e-4);
  });
});
