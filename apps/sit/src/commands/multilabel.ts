import { scopes } from "../command-line/options.js";
import type { Run } from "../command-line/run-command.js";
import { openAnnotatedData } from "../experiment/annotated-data.js";
import { annotationSources } from "../experiment/annotation-sources.js";
import { findDataset, openDataset } from "../experiment/catalogue.js";
import { byAveragePrecision } from "../experiment/multi-label.js";
import { multiLabelOutput } from "../output/multi-label-files.js";
import { runSupervised } from "./finetune.js";

/** Trains a classifier on images that show several classes, and tells its average precision. */
export const run: Run = async (options, command) => {
  await runSupervised(options, command, {
    command: "multilabel",
    defaultOut: "runs/multilabel",
    scope: scopes.multilabel,
    judge: byAveragePrecision,
    async open(source, opening, resumed) {
      const named = options.labels === undefined && resumed?.annotations === undefined;
      const dataset = named ? await findDataset(source) : undefined;
      if (dataset !== undefined) {
        return { data: { source, ...(await openDataset(dataset, { ...opening, several: true })) } };
      }
      const annotations = annotationSources(options, resumed?.annotations);
      return { data: await openAnnotatedData(source, annotations, opening), saved: { annotations } };
    },
    output: multiLabelOutput,
  });
};
