import { contrastLossChecks, reconstructionLossChecks } from "@sitjs/core/testing";
import { beforeAll, describe, test } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { crossViewNtXent, maskedL1, maskedL2, ntXent } from "./index.js";

// The L1 slope jumps at 0: a step that crosses no difference of these images.
const step = 2e-3;
const suites = {
  maskedL1: reconstructionLossChecks(maskedL1, { step }),
  maskedL2: reconstructionLossChecks(maskedL2),
  "maskedL1 over all": reconstructionLossChecks(() => maskedL1({ over: "all" }), { step, masked: false }),
  "maskedL2 over all": reconstructionLossChecks(() => maskedL2({ over: "all" }), { masked: false }),
  crossViewNtXent: contrastLossChecks(crossViewNtXent),
  ntXent: contrastLossChecks(ntXent, { teacher: false }),
};

for (const engine of await engines({ cpu: true })) {
  describe(`losses on ${engine.name}`, () => {
    beforeAll(() => engine.use());
    for (const [part, checks] of Object.entries(suites)) {
      describe(part, () => {
        for (const { name, run } of checks) test(name, run);
      });
    }
  });
}
