import { join } from "node:path";
import type { ChannelStatistics } from "@sitjs/augment";
import { SitError } from "@sitjs/core/errors";
import { writeFileAtomically } from "@sitjs/core/node";
import { renderComparison } from "@sitjs/eval/report";
import { requireDifferent, scopes } from "../command-line/options.js";
import { type Resolved, resolveRun } from "../command-line/resolve.js";
import type { Run } from "../command-line/run-command.js";
import type { Config } from "../config.js";
import { drawImages, openData, statisticsOf } from "../experiment/data.js";
import { type DataRecord, dataRecord } from "../experiment/data-record.js";
import { drawLabelled } from "../experiment/labels.js";
import { type LeftOut, leftOutImages } from "../experiment/left-out.js";
import { makeBackbone, makeMethod } from "../experiment/model.js";
import type { RunData } from "../experiment/run-data.js";
import { customParts, makeParts, startEngine } from "../experiment/session.js";
import {
  type ComparisonState,
  comparisonLines,
  comparisonReport,
  comparisonSummary,
  comparisonTable,
} from "../output/compare-files.js";
import { writeReport } from "../output/report-file.js";
import { runFiles } from "../run-folder/files.js";
import { openRunFolder } from "../run-folder/open.js";
import { engineIdentity } from "../run-folder/resume.js";
import { passWhatIsDone, runTrials, type Trial } from "../run-folder/run-trials.js";
import type { TrialSetup } from "../run-folder/trial-record.js";
import { readTrial, requireTrialsFolder } from "../run-folder/trials.js";
import {
  type ComparedName,
  comparedNames,
  comparedTitle,
  comparisonPresets,
  methodOfCompared,
  usualComparison,
} from "../settings/compared.js";

const USUAL_SEEDS = [0, 1, 2];
const USUAL_LABELS = [10, 100];

/**
 * Pretrains by several methods with several seeds, all on the same images with the same network, and judges each in the
 * same way. What an earlier run of the command has done in the folder is not done again.
 */
export const run: Run = async (options, context) => {
  const { report } = context.console;
  const { signal } = context;
  const methods = (options.methods as ComparedName[] | undefined) ?? usualComparison;
  const seeds = (options.seeds as number[] | undefined) ?? USUAL_SEEDS;
  const labelsPerClass = (options.labelsPerClass as number[] | undefined) ?? USUAL_LABELS;
  requireDifferent("--methods", methods);
  requireDifferent("--seeds", seeds);
  requireDifferent("--labels-per-class", labelsPerClass);
  const choice = await resolveRun(options, {
    defaultOut: "runs/compare",
    defaultPreset: comparisonPresets.folder,
    readyPresets: comparisonPresets,
    scope: scopes.compare,
    methods: methods.map(methodOfCompared),
  });
  const { settings, out } = choice;
  await requireTrialsFolder(out, "comparison", isOfComparison);
  const leftOut = leftOutImages(report);
  const { channels, imageSize } = settings;
  const data = await openData(choice.data, {
    ...{ channels, imageSize, settings, leftOut, report, signal },
    labelled: true,
  });
  for (const count of labelsPerClass) drawLabelled(data.train, count, 0);
  const record = await dataRecord(data);
  const statistics = await statisticsOf(data.train, settings, { leftOut, signal });
  const shared = { choice, data, statistics, record, labelsPerClass, leftOut };
  const trials: Trial[] = [];
  for (const seed of seeds) {
    for (const method of methods) trials.push(await prepare({ ...shared, method, seed }));
  }

  const folder = await openRunFolder(out);
  try {
    const engine = await startEngine(choice.engine, report, data.note);
    signal.throwIfAborted();
    const computedBy = engineIdentity(engine);
    const state = (): ComparisonState => {
      const done = trials.flatMap(({ done }) => (done ? [done] : []));
      const { preset } = choice;
      return { methods, seeds, labelsPerClass, preset, settings, engine, data, leftOut, trials: done };
    };
    await passWhatIsDone(state().trials, { out, computedBy, report });
    await runTrials(
      trials.filter(({ done }) => done === undefined),
      {
        command: "compare",
        choice,
        context,
        computedBy,
        lock: folder.lock,
        finished: async () => await writeComparison(out, state()),
        progress: () => `${state().trials.length} of ${trials.length} trials are done in ${out}`,
      },
    );
    await writeComparison(out, state());
    const wrote = `Wrote ${join(out, runFiles.report)}, ${join(out, runFiles.comparison)} and ${join(out, runFiles.plot)}`;
    const { trials: _, ...summary } = comparisonSummary(state());
    context.console.result({ out, ...summary }, [...comparisonLines(state()), wrote]);
  } finally {
    await folder.close();
  }
};

async function prepare(of: {
  readonly choice: Resolved;
  readonly data: RunData;
  /** The same for all: no method has a say in them. */
  readonly statistics: ChannelStatistics;
  readonly record: DataRecord;
  readonly labelsPerClass: readonly number[];
  readonly leftOut: LeftOut;
  readonly method: ComparedName;
  readonly seed: number;
}): Promise<Trial> {
  const { choice, data, statistics, record, labelsPerClass, leftOut, method: name, seed } = of;
  const settings = choice.settingsFor(methodOfCompared(name));
  const parts = await makeParts(ownBackbone(choice.config), settings, statistics);
  const backbone = makeBackbone(settings, parts);
  const unlabelled = drawImages(data.train, settings.images, seed, "unlabelled");
  const method = makeMethod({ settings, backbone, statistics, images: unlabelled.length }, parts);
  const setup: TrialSetup = {
    folder: name,
    method: name,
    seed,
    preset: choice.preset,
    settings,
    labelsPerClass,
    data: record,
    customParts: customParts(parts),
  };
  return {
    setup,
    options: {
      method,
      pretrained: name !== "scratch",
      backbone,
      parts,
      unlabelled,
      labelled: labelsPerClass.map((count) => drawLabelled(data.train, count, seed)),
      test: data.test as NonNullable<RunData["test"]>,
      context: { settings, statistics, seed, workers: choice.workers, leftOut },
      label: `${comparedTitle(name)}, seed ${seed}: `,
    },
    done: await readTrial(choice.out, setup),
  };
}

/** What a comparison leaves: a folder for each method, a table and a plot. */
const isOfComparison = (name: string) =>
  name === runFiles.comparison ||
  name === runFiles.plot ||
  (comparedNames as readonly string[]).includes(name);

/** A config file's network may be compared by any method; its other parts belong to one. */
function ownBackbone(config: Config): Config {
  const { parts } = config;
  if (parts === undefined) return config;
  return {
    ...config,
    async parts(context) {
      const made = typeof parts === "function" ? await parts(context) : parts;
      const other = customParts(made).find((name) => name !== "backbone");
      if (other === undefined) return made;
      throw new SitError(
        "bad-option",
        `config parts.${other}: expected no part but a backbone where methods are compared, got one`,
      );
    },
  };
}

/** `compare.json`, the report, and its plot. */
async function writeComparison(out: string, state: ComparisonState): Promise<void> {
  const summary = `${JSON.stringify(comparisonSummary(state), null, 2)}\n`;
  await writeFileAtomically(join(out, runFiles.comparison), summary);
  await writeReport(out, comparisonReport(state));
  await writeFileAtomically(join(out, runFiles.plot), await renderComparison(comparisonTable(state)));
}
