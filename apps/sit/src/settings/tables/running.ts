import { choice, type Definition, whole, within } from "../definition.js";

/** How a run computes, is saved, and what it puts up with. */
export const runningDefinitions = {
  precision: {
    group: "precision",
    kind: choice("float32", "bfloat16"),
    help: "precision of matrix products; bfloat16 is faster",
  },
  checkpointEvery: { group: "saving", kind: whole(0), help: "epochs between checkpoints; 0: not by epochs" },
  checkpointSteps: { group: "saving", kind: whole(0), help: "steps between checkpoints; 0: not by steps" },
  checkpointMinutes: {
    group: "saving",
    kind: within(0),
    help: "minutes between checkpoints; 0: not by time",
  },
  keepCheckpoints: { group: "saving", kind: whole(), help: "latest checkpoints kept, beside the best" },
  skipNotFinite: {
    group: "saving",
    kind: whole(0),
    help: "batches that may be left out since their loss is not finite",
  },
  badImages: {
    group: "faults",
    kind: within(0, 1),
    help: "largest share of unreadable training images to go on without",
  },
  badTestImages: {
    group: "test faults",
    kind: within(0, 1),
    help: "largest share of unreadable test images to go on without",
  },
  workerTimeout: {
    group: "faults",
    kind: within(0, 604_800),
    help: "seconds after which a thread that reads no further image is replaced; 0: never",
  },
} as const satisfies Readonly<Record<string, Definition>>;
