// npm run compare: all methods on the same data, network, images seen and fine-tuning, for docs/results. More than an hour
// on 2 cores; stopped, it goes on where it was. `-- --only fashion-mnist` runs one of the comparisons; other options go to
// `sit compare`. `-- --from FOLDER` writes the page again from finished runs: a run's folder, or one that holds them.
import { comparisonPage, comparisonRecord, comparisons, pictureName } from "./lib/compare-page.mjs";
import { runResults } from "./lib/results-of-runs.mjs";

await runResults({
  script: "compare",
  what: "compare",
  summaryFile: "compare.json",
  names: Object.keys(comparisons),
  command: (name) => ["compare", ...comparisons[name].options],
  record: comparisonRecord,
  page: comparisonPage,
  pictures: (name) => [["compare.svg", pictureName(name)]],
});
