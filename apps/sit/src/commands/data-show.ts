import { printable, requireOption, SitError } from "@sitjs/core/errors";
import { writeFileAtomically } from "@sitjs/core/node";
import type { ImageDataset } from "@sitjs/data";
import { scopes } from "../command-line/options.js";
import { resolveRun } from "../command-line/resolve.js";
import type { Run } from "../command-line/run-command.js";
import { type FoundDataset, findDataset, isHere, openPart } from "../experiment/catalogue.js";
import { contactSheet } from "../experiment/contact-sheet.js";
import { openData, statisticsOf } from "../experiment/data.js";
import { leftOutImages, leftOutLines, leftOutSummary } from "../experiment/left-out.js";
import type { OpenDataOptions } from "../experiment/run-data.js";
import { makeParts, startEngine } from "../experiment/session.js";
import { classCounts, classLines, factLines, factsOf, gettingLine } from "../output/dataset-facts.js";
import { requirePicturePath } from "../output/picture-path.js";

const COUNT = 8;

/** Tells what is in a data set, and pictures samples with the views that a method learns from. */
export const run: Run = async (options, { console, signal }, source = "") => {
  const { report } = console;
  const found = await findDataset(source);
  const facts = found && factsOf(found.entry);
  // Who names a file for the picture wants one; all others are told what there is to tell.
  if (found !== undefined && options.out === undefined && !(await isHere(found))) {
    const lines = [...factLines(found.entry), gettingLine(found.entry)];
    console.result({ command: "data show", ...facts, here: false }, lines);
    return;
  }
  const choice = await resolveRun(
    { ...options, data: found?.entry.name ?? source },
    { defaultOut: "contact.png", scope: scopes["data show"] },
  );
  const { settings, seed, out } = choice;
  await requirePicturePath(out);
  const { channels, imageSize } = settings;
  const leftOut = leftOutImages(report);
  const opening = { channels, imageSize, settings, leftOut, report, signal };
  const part = (options.part as string | undefined) ?? "train";
  const dataset = await openWanted(found, source, part, { ...opening, labelled: false });
  const statistics = await statisticsOf(dataset, settings, opening);
  const parts = await makeParts(choice.config, settings, statistics);
  await startEngine(choice.engine, report);
  const count = (options.count as number | undefined) ?? COUNT;
  const sheet = await contactSheet(dataset, {
    ...{ count, seed, settings, statistics, parts, leftOut, signal },
    part: part === "test" ? "test" : "training",
  });
  const { pictureGrid } = await import("../output/grid.js");
  await writeFileAtomically(out, await pictureGrid(sheet.columns));
  const classes = classCounts(dataset);
  const shown = {
    ...{ here: true, part, length: dataset.length, counts: classes, method: settings.method },
    ...{ out, pictured: sheet.columns.length, rows: sheet.rows, leftOut: leftOutSummary(leftOut.list()) },
  };
  console.result({ command: "data show", source, ...facts, ...shown }, [
    ...(found ? factLines(found.entry) : []),
    `${printable(source)}, ${part}: ${dataset.length.toLocaleString("en")} images`,
    ...classLines(classes),
    ...leftOutLines(leftOut.list()),
    `Wrote ${printable(out)}: ${sheet.columns.length} images; from the top: ${sheet.rows.join(", ")} (method ${settings.method})`,
  ]);
};

async function openWanted(
  found: FoundDataset | undefined,
  source: string,
  part: string,
  options: OpenDataOptions,
): Promise<ImageDataset> {
  if (found !== undefined) {
    const names = found.entry.parts.map(({ name }) => name);
    requireOption(names.includes(part), "--part", `one of ${names.join(", ")}`, part);
    return (await openPart(found, part, options)).images;
  }
  requireOption(part === "train" || part === "test", "--part", "train or test", part);
  const { train, test } = await openData(source, { ...options, test: part === "test" });
  if (part === "train") return train;
  if (test !== undefined) return test;
  throw new SitError("bad-option", `--part test: expected a folder with train and test in it, got ${source}`);
}
