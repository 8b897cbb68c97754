import { stat } from "node:fs/promises";
import { printable, SitError } from "@sitjs/core/errors";
import type { FeatureKind } from "@sitjs/eval";
import type { Run } from "../command-line/run-command.js";
import { openFeatures, withFeatures } from "../experiment/embedding-run.js";
import { leftOutLines, leftOutSummary } from "../experiment/left-out.js";
import { networkRecord } from "../output/report-data.js";
import { version } from "../version.js";

const OUT = "embeddings.parquet";

/** Writes the feature vectors of images, with their names and labels, to a Parquet file or NumPy arrays. */
export const run: Run = async (options, command) => {
  const { requireOwnEmbeddings, writeEmbeddings } = await import("@sitjs/eval/node");
  const run = await openFeatures(options, command, {
    defaultOut: OUT,
    defaultImages: 0,
    // Before the work, not after it.
    async look(out) {
      if (/\.parquet$/i.test(out)) await requireOwnTable(out);
      else await requireOwnEmbeddings(out);
    },
  });
  const { choice, engine, classes, leftOut } = run;
  const { settings, seed, out } = choice;
  const features = (options.features as FeatureKind | undefined) ?? "token";
  const about = {
    command: "embed",
    version: version(),
    engine: engine.name,
    checkpoint: (options.checkpoint as string | undefined) ?? null,
    network: run.network ? networkRecord(run.network) : null,
    fromScratch: options.fromScratch === true,
    data: run.data,
    features,
    seed,
    settings,
  };
  let images = 0;
  let size = 0;
  try {
    await withFeatures(run, features, command, async (rows) => {
      const counted = async function* () {
        for await (const part of rows) {
          images += part.files.length;
          size = part.size;
          yield part;
        }
      };
      await writeEmbeddings(out, counted(), { classes, about });
    });
  } finally {
    run.dispose();
  }
  const summary = {
    command: "embed",
    out,
    engine: engine.name,
    dataset: run.data,
    images,
    size,
    features,
    leftOut: leftOutSummary(leftOut.list()),
  };
  command.console.result(summary, [
    `${images} images with ${size} numbers each: ${out}`,
    ...leftOutLines(leftOut.list()),
  ]);
};

/** A table of something else, of images perhaps, is not put away for embeddings. */
async function requireOwnTable(out: string): Promise<void> {
  const found = await stat(out).catch(() => undefined);
  if (found === undefined) return;
  const refuse = (got: string) =>
    new SitError(
      "bad-option",
      `--out ${printable(out)}: expected a new file, or one of earlier embeddings, got ${got}`,
      { mend: "Name another file." },
    );
  if (!found.isFile()) throw refuse("a folder");
  const { openParquet } = await import("@sitjs/data");
  const table = await openParquet(out).catch(() => undefined);
  const own = table?.columns.some(({ element }) => element.name === "embedding") ?? false;
  await table?.close();
  if (!own) throw refuse("a file of something else");
}
