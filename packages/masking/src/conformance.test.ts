import { corruptionChecks, settingsChecks } from "@sitjs/core/testing";
import { beforeAll, describe, test } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import {
  centralHole,
  gmml,
  grayscale,
  maskUnits,
  noCorruption,
  randomPatches,
  visiblePatches,
} from "./index.js";

const [none, all] = [
  [0, 0],
  [1, 1],
] as const;
const suites = {
  gmml: corruptionChecks(gmml, {
    ...{ borrows: true, share: [0.15, 0.75] },
    others: {
      zeros: () => gmml({ zeros: {}, noise: {}, replace: {} }),
      rand: () => gmml({ rand: {}, noise: {}, replace: {} }),
      "ratio of noise": () => gmml({ noise: { ratio: 0.6 }, replace: {} }),
      "minimumRatio of replace": () => gmml({ noise: {}, replace: { minimumRatio: 0.1 } }),
      blocks: () => gmml({ blocks: { minimum: 0.1, maximum: 0.25 } }),
      alignment: () => gmml({ alignment: 4 }),
    },
  }),
  "gmml of zeros": corruptionChecks(() => gmml({ zeros: { ratio: 0.6 } }), { share: [0.3, 0.66] }),
  "gmml of noise": corruptionChecks(() => gmml({ noise: {} }), { share: [0.35, 0.76] }),
  "gmml of other places": corruptionChecks(() => gmml({ rand: {} }), { channels: 1, share: [0.35, 0.76] }),
  "gmml of whole patches": corruptionChecks(() => gmml({ noise: {}, alignment: 4 }), { cell: 4 }),
  "random patches": corruptionChecks(() => randomPatches({ patchSize: 4, ratio: 0.3 }), {
    cell: 4,
    share: [7 / 24, 7 / 24],
    others: {
      patchSize: () => randomPatches({ patchSize: 8, ratio: 0.3 }),
      ratio: () => randomPatches({ patchSize: 4, ratio: 0.4 }),
    },
  }),
  "no corruption": corruptionChecks(noCorruption, { random: false, share: none }),
  "central hole": corruptionChecks(centralHole, {
    ...{ random: false, share: [1 / 6, 1 / 6] },
    others: { side: () => centralHole({ side: 0.4 }) },
  }),
  grayscale: corruptionChecks(grayscale, {
    ...{ random: false, share: all },
    others: {
      mean: () => grayscale({ mean: [0, 0, 1] }),
      deviation: () => grayscale({ deviation: [1, 1, 2] }),
    },
  }),
  "units of patches": settingsChecks(maskUnits, {
    others: { unitSize: () => maskUnits({ unitSize: 16 }), ratio: () => maskUnits({ ratio: 0.5 }) },
  }),
  "visible patches": settingsChecks(() => visiblePatches(), {
    others: { ratio: () => visiblePatches({ ratio: 0.5 }) },
  }),
};

for (const engine of await engines({ cpu: true })) {
  describe(`corruptions on ${engine.name}`, () => {
    beforeAll(() => engine.use());
    for (const [part, checks] of Object.entries(suites)) {
      describe(part, () => {
        for (const { name, run } of checks) test(name, run);
      });
    }
  });
}
