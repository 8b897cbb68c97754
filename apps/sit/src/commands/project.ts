import { readFile, stat } from "node:fs/promises";
import { printable, SitError } from "@sitjs/core/errors";
import { writeFilesAtomically } from "@sitjs/core/node";
import { randomStream } from "@sitjs/core/random";
import type { FeatureKind } from "@sitjs/eval";
import type { SavedEmbeddings } from "@sitjs/eval/node";
import { projectEmbeddings, renderProjection } from "@sitjs/eval/report";
import type { ParsedOptions } from "../command-line/resolve.js";
import type { CommandContext, Run } from "../command-line/run-command.js";
import { openFeatures, withFeatures } from "../experiment/embedding-run.js";
import { type LeftOutImage, leftOutLines, leftOutSummary } from "../experiment/left-out.js";
import type { NetworkOrigin } from "../experiment/network-origin.js";
import { stage } from "../experiment/reporter.js";
import { networkRecord } from "../output/report-data.js";
import type { Settings } from "../settings/settings.js";

const OUT = "projection.svg";
const IMAGES = 2000;

type Vectors = Omit<SavedEmbeddings, "total"> & {
  readonly of: string;
  readonly leftOut: readonly LeftOutImage[];
};

/** Places images in the plane by their features (t-SNE, UMAP) and writes the picture and the points. */
export const run: Run = async (options, command) => {
  const { console } = command;
  const method = (options.method as "tsne" | "umap" | undefined) ?? "tsne";
  const seed = (options.seed as number | undefined) ?? 0;
  const out = (options.out as string | undefined) ?? OUT;
  if (!/\.svg$/i.test(out))
    throw new SitError("bad-option", `--out: expected a name that ends in .svg, got ${out}`);
  const json = `${out.slice(0, -".svg".length)}.json`;
  await requirePlaces(out, json);
  const other = method === "tsne" ? "neighbours" : "perplexity";
  if (options[other] !== undefined) {
    const whose = method === "tsne" ? "umap" : "tsne";
    throw new SitError("bad-option", `--${other}: expected --method ${whose}, got ${method}`);
  }
  const { features, size, labels, files, classes, of, leftOut } =
    options.embeddings === undefined ? await embedded(options, command) : await saved(options, seed);
  const count = labels.length;
  const vectors = Array.from({ length: count }, (_, row) => features.subarray(row * size, (row + 1) * size));
  const places = await stage(console.report, `Projection (${method})`, { unit: "steps" }, ({ progress }) =>
    projectEmbeddings(vectors, {
      method,
      seed,
      perplexity: options.perplexity as number | undefined,
      neighbors: options.neighbours as number | undefined,
      onProgress: ({ iteration, iterations }) => progress({ done: iteration, total: iterations }),
    }),
  );
  const name = method === "tsne" ? "t-SNE" : "UMAP";
  const setting =
    method === "tsne"
      ? `perplexity ${(options.perplexity as number | undefined) ?? 30}`
      : `${(options.neighbours as number | undefined) ?? 15} neighbours`;
  const svg = await renderProjection({
    title: `${name} of ${of}`,
    subtitle: `${count} images, ${size} features, ${setting}, seed ${seed}`,
    points: places.map(([x, y], i) => {
      const label = labels[i] as number;
      return [x, y, label < 0 ? null : label] as const;
    }),
    classes: classes ?? [],
  });
  const points = places.map(([x, y], i) => ({ file: files[i], label: labels[i], x, y }));
  await writeFilesAtomically([
    { path: json, content: `${JSON.stringify({ method, seed, of, classes, points, leftOut })}\n` },
    { path: out, content: svg },
  ]);
  const summary = { command: "project", out, points: json, method, images: count };
  console.result({ ...summary, leftOut: leftOutSummary(leftOut) }, [
    `${name} of ${count} images: ${out}, points in ${json}`,
    ...leftOutLines(leftOut),
  ]);
};

/**
 * A picture is replaced as whoever names it means it to be; the file of points has a name that nobody gave, so what is
 * there must be points. Embeddings of the same name have their images' names there.
 */
async function requirePlaces(out: string, json: string): Promise<void> {
  const refuse = (got: string) => new SitError("bad-option", `--out ${printable(out)}: expected ${got}`);
  if ((await stat(out).catch(() => undefined))?.isDirectory())
    throw refuse("a file's name, got that of a folder");
  const text = await readFile(json, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    return "";
  });
  if (text === undefined || isPoints(text)) return;
  throw refuse(`a name whose points can go to ${printable(json)}, got something else there`);
}

function isPoints(text: string): boolean {
  try {
    return Array.isArray(JSON.parse(text).points);
  } catch {
    return false;
  }
}

/** Rows of a file of embeddings, drawn by the seed. */
async function saved(options: ParsedOptions, seed: number): Promise<Vectors> {
  const lost = ["checkpoint", "data", "split", "features"].find((name) => options[name] !== undefined);
  if (lost !== undefined || options.fromScratch === true) {
    const name = lost ?? "from-scratch";
    throw new SitError("bad-option", `--${name}: expected none beside --embeddings, which are made already`);
  }
  const { readEmbeddings } = await import("@sitjs/eval/node");
  const path = options.embeddings as string;
  const wanted = (options.images as number | undefined) ?? IMAGES;
  const draw = (total: number) =>
    randomStream(seed, "projection").permutation(total).slice(0, Math.min(wanted, total)).sort();
  const of = path.split(/[\\/]/).filter(Boolean).at(-1) ?? path;
  // What was left out then, the command that wrote the file has told.
  const rest = { of, leftOut: [] };
  if (!/\.parquet$/i.test(path)) return { ...(await readEmbeddings(path, draw)), ...rest };
  const { openParquet } = await import("@sitjs/data");
  const table = await openParquet(path);
  try {
    return { ...(await readEmbeddings(table, draw)), ...rest };
  } finally {
    await table.close();
  }
}

/** Features of a network that is here now. */
async function embedded(options: ParsedOptions, command: CommandContext): Promise<Vectors> {
  const run = await openFeatures(options, command, { defaultOut: OUT, defaultImages: IMAGES });
  const kind = (options.features as FeatureKind | undefined) ?? "token";
  const parts: Float32Array[] = [];
  const labels: number[] = [];
  const files: string[] = [];
  let size = 0;
  try {
    await withFeatures(run, kind, command, async (rows) => {
      for await (const part of rows) {
        parts.push(part.features);
        labels.push(...part.labels);
        files.push(...part.files);
        size = part.size;
      }
    });
  } finally {
    run.dispose();
  }
  const features = new Float32Array(size * files.length);
  let at = 0;
  for (const part of parts) {
    features.set(part, at);
    at += part.length;
  }
  const network = run.network === undefined ? "random network" : nameOf(run.network, run.choice.settings);
  const of = `${run.data}, ${network}`;
  const leftOut = run.leftOut.list();
  return { features, size, labels: Int32Array.from(labels), files, classes: run.classes, of, leftOut };
}

/** A run by its method, others by their names. */
const nameOf = (network: NetworkOrigin, { method }: Settings) =>
  network.kind === "run" ? method : networkRecord(network).name;
