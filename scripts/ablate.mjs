// npm run ablate: the grid of experiments/sit.ts on both data sets, for docs/results. More than an hour on 2 cores; stopped,
// it goes on where it was. `-- --only cifar-10` runs one of them; other options go to `sit ablate`. `-- --from FOLDER` writes
// the page again from finished runs: a run's folder, or one that holds them.
import { join } from "node:path";
import { ablationPage, ablationRecord, ablations, pictureName } from "./lib/ablation-page.mjs";
import { runResults } from "./lib/results-of-runs.mjs";
import { root } from "./lib/steps.mjs";

await runResults({
  script: "ablate",
  what: "ablation",
  summaryFile: "ablate.json",
  names: Object.keys(ablations),
  command: (name) => ["ablate", join(root, "experiments", "sit.ts"), "--data", name],
  record: ablationRecord,
  page: ablationPage,
  pictures: (name, { axes }) => axes.map((axis) => [`ablate-${axis.name}.svg`, pictureName(name, axis.name)]),
});
