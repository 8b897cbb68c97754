import { printable } from "@sitjs/core/errors";
import type { FolderProblem, OtherFiles } from "@sitjs/data";
import type { DataPart } from "./left-out.js";
import type { Reporter } from "./reporter.js";
import type { OpenDataOptions } from "./run-data.js";

/** So many classes without images are told one by one, and named. */
const NAMED = 3;

/** Notes the images that a data set is opened without, and warns of classes that it has no images of. */
export function tellProblems(
  problems: readonly FolderProblem[],
  part: DataPart,
  { leftOut, report }: Pick<OpenDataOptions, "leftOut" | "report">,
): void {
  const isClass = ({ kind }: FolderProblem) => kind === "empty-class";
  for (const problem of problems) if (!isClass(problem)) leftOut.add(part, problem);
  const classes = problems.filter(isClass);
  if (classes.length > NAMED) {
    const names = classes.slice(0, NAMED).map(({ path }) => printable(path));
    const which = part === "all" ? "" : ` among the ${part} images`;
    const text = `${classes.length} classes have no readable image${which}: ${names.join(", ")} and others`;
    report({ event: "warning", text });
    return;
  }
  for (const { path, reason } of classes) {
    report({ event: "warning", text: `${printable(path)}: ${reason}` });
  }
}

/** Notes that a folder has files which are no images by their ending. */
export function tellOthers(folder: string, { count, names }: OtherFiles, report: Reporter): void {
  if (count === 0) return;
  const some = names.map(printable).join(", ") + (count > names.length ? ", ..." : "");
  const files = count === 1 ? "1 file is" : `${count} files are`;
  report({
    event: "note",
    text: `${printable(folder)}: ${files} passed over, without the ending of an image: ${some}`,
  });
}
