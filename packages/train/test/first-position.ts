import type { RunPosition } from "../src/method.js";

/** The only step of a run, for tests that prepare a batch by themselves. */
export const firstPosition: RunPosition = { step: 0, totalSteps: 1, stepsPerEpoch: 1, epoch: 0 };
