import type { Run } from "../command-line/run-command.js";
import { renderAgain } from "../output/report-file.js";

/** Renders a run's report again from its data. */
export const run: Run = async (_, { console }, folder) => {
  const page = await renderAgain(folder as string);
  console.result({ command: "report", page }, [`Wrote ${page}`]);
};
