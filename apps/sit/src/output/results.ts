import { meanAndDeviation } from "@sitjs/eval";
import type { DemoSummary } from "./demo-files.js";

/** `results.json`: the experiment repeated with several seeds, and mean and deviation (n - 1) over them. */
export function repeatedResults(command: string, summaries: readonly DemoSummary[]) {
  const over = (pick: (summary: DemoSummary) => number) => {
    const values = summaries.map(pick);
    return { values, ...meanAndDeviation(values) };
  };
  const labels = Object.keys(summaries[0]?.accuracy ?? {});
  const of = (summary: DemoSummary, label: string, start: "scratch" | "pretrained") =>
    summary.accuracy[label]?.[start] ?? Number.NaN;
  return {
    command,
    date: new Date().toISOString(),
    seeds: summaries.map(({ seed }) => seed),
    knn: { before: over(({ knn }) => knn.before), after: over(({ knn }) => knn.after) },
    accuracy: Object.fromEntries(
      labels.map((label) => [
        label,
        {
          scratch: over((summary) => of(summary, label, "scratch")),
          pretrained: over((summary) => of(summary, label, "pretrained")),
          gain: over((summary) => of(summary, label, "pretrained") - of(summary, label, "scratch")),
        },
      ]),
    ),
    seconds: over(({ seconds }) => seconds),
    runs: summaries,
  };
}

export type RepeatedResults = ReturnType<typeof repeatedResults>;

/** Mean and deviation for the terminal. */
export function repeatedLines(results: RepeatedResults): string[] {
  const show = ({ mean, deviation }: { mean: number; deviation: number }) =>
    `${(100 * mean).toFixed(1)} ± ${(100 * deviation).toFixed(1)} %`.padStart(16);
  const { accuracy, knn, seeds } = results;
  return [
    "",
    `Mean and deviation over the seeds ${seeds.join(", ")}`,
    `${"".padEnd(14)}${"from scratch".padStart(16)}${"pretrained".padStart(16)}${"gain".padStart(16)}`,
    ...Object.entries(accuracy).map(
      ([labels, { scratch, pretrained, gain }]) =>
        `${`${labels} labels`.padEnd(14)}${show(scratch)}${show(pretrained)}${show(gain)}`,
    ),
    `${"k-NN".padEnd(14)}${show(knn.before)}${show(knn.after)}`,
    "",
  ];
}
