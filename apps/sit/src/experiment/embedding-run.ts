import { type Backbone, disposeParams, type Params, randomStream } from "@sitjs/core";
import { SitError } from "@sitjs/core/errors";
import { type ImageDataset, sampleFile } from "@sitjs/data";
import type { Engine } from "@sitjs/engine";
import { type FeatureKind, imageFeatures, requireFiniteRows } from "@sitjs/eval";
import type { EmbeddingRows } from "@sitjs/eval/node";
import * as tf from "@tensorflow/tfjs";
import { scopes } from "../command-line/options.js";
import { type ParsedOptions, type Resolved, resolveRun } from "../command-line/resolve.js";
import type { CommandContext } from "../command-line/run-command.js";
import { drawImages, openData, statisticsOf } from "./data.js";
import { type LeftOut, leftOutImages } from "./left-out.js";
import { evalLoader, type LoaderContext } from "./loaders.js";
import { makeBackbone } from "./model.js";
import { findNetworkOf } from "./network.js";
import type { NetworkOrigin } from "./network-origin.js";
import { stage } from "./reporter.js";
import { makeParts, startEngine } from "./session.js";
import { requireParts } from "./trained.js";

/** A network, and the images that it is to embed. */
export interface FeatureRun {
  readonly choice: Resolved;
  /** Where the network is from; undefined for one of random parameters. */
  readonly network: NetworkOrigin | undefined;
  readonly engine: Engine;
  readonly backbone: Backbone;
  readonly params: Params;
  /** What the data set is called in records. */
  readonly data: string;
  readonly classes: readonly string[] | undefined;
  readonly parts: readonly { readonly split: "train" | "test"; readonly images: ImageDataset }[];
  readonly context: LoaderContext;
  readonly leftOut: LeftOut;
  dispose(): void;
}

/**
 * Opens what `--checkpoint` or `--from-scratch`, `--data`, `--split` and `--images` name, and starts the engine.
 * @throws SitError naming the option
 */
export async function openFeatures(
  options: ParsedOptions,
  { console, signal }: CommandContext,
  how: {
    readonly defaultOut: string;
    readonly defaultImages: number;
    /** Looks whether results may go there, before anything slow. */
    readonly look?: (out: string) => Promise<void>;
  },
): Promise<FeatureRun> {
  const { report } = console;
  const scratch = options.fromScratch === true;
  if (scratch === (options.checkpoint !== undefined)) {
    const got = scratch ? "both" : "neither";
    throw new SitError("bad-option", `--checkpoint, --from-scratch: expected one of them, got ${got}`);
  }
  const found = scratch ? undefined : await findNetworkOf(options, { report, signal });
  const choice = await resolveRun(options, {
    defaultOut: how.defaultOut,
    scope: scopes.embed,
    checkpoint: found?.saved.settings,
  });
  await how.look?.(choice.out);
  const { settings, seed, workers } = choice;
  const { channels, imageSize } = settings;
  const leftOut = leftOutImages(report);
  const opening = { channels, imageSize, settings, leftOut, report, signal };
  const split = (options.split as "train" | "test" | "all" | undefined) ?? "all";
  const data = await openData(choice.data, { ...opening, labelled: false, test: split !== "train" });
  if (split === "test" && data.test === undefined) {
    const expected = "a data set with train and test parts";
    throw new SitError("bad-option", `--split test: expected ${expected}, got ${choice.data}`);
  }
  const { train, test } = data;
  const all = [
    ...(split !== "test" ? [{ split: "train" as const, images: train }] : []),
    ...(split !== "train" && test ? [{ split: "test" as const, images: test }] : []),
  ];
  const count = (options.images as number | undefined) ?? how.defaultImages;
  const parts = drawParts(all, count, seed);
  const statistics = found?.saved.statistics ?? (await statisticsOf(train, settings, opening));
  const custom = await makeParts(choice.config, settings, statistics);
  if (found) requireParts(found, custom, ["backbone"]);
  const backbone = makeBackbone(settings, custom);
  const engine = await startEngine(choice.engine, report, data.note);
  signal.throwIfAborted();
  const trained = found && (await found.load(settings));
  const params = trained?.backbone ?? backbone.init(randomStream(seed, "init").fork("backbone"));
  return {
    choice,
    network: found?.origin,
    engine,
    backbone,
    params,
    data: data.name,
    classes: train.classes,
    parts,
    context: { settings, statistics, seed, workers, leftOut },
    leftOut,
    dispose: () => (trained ? trained.dispose() : disposeParams(params)),
  };
}

/** So many images of all parts together, of each by its share; 0: all. */
function drawParts(all: FeatureRun["parts"], count: number, seed: number): FeatureRun["parts"] {
  const total = all.reduce((sum, { images }) => sum + images.length, 0);
  if (count === 0 || count >= total) return all;
  return all.map(({ split, images }) => {
    const share = Math.max(1, Math.round((count * images.length) / total));
    return { split, images: drawImages(images, share, seed, `embed ${split}`) };
  });
}

/** Feature vectors of all images, batch by batch. Images that cannot be read are left out, as far as the options allow. */
export async function* featureRows(
  { backbone, params, parts, context }: FeatureRun,
  features: FeatureKind,
  { onImages, signal }: { onImages(done: number): void; signal: AbortSignal },
): AsyncGenerator<EmbeddingRows> {
  let done = 0;
  for (const { split, images } of parts) {
    const { badImages, badTestImages } = context.settings;
    const [part, share] =
      split === "test" ? (["test", badTestImages] as const) : (["training", badImages] as const);
    const loader = evalLoader(images, context, part, share);
    for await (const batch of loader.range(0, loader.stepsPerEpoch, { signal })) {
      const view = batch.views[0] as (typeof batch.views)[number];
      const rows = tf.tidy(() =>
        imageFeatures(backbone, params, tf.tensor4d(view.data, [...view.shape]), { features }),
      );
      const values = (await rows.data()) as Float32Array;
      const size = rows.shape[1];
      rows.dispose();
      requireFiniteRows(values, size);
      const files = Array.from(batch.indices, (index) => sampleFile(images, index));
      const labels = batch.labels ?? new Int32Array(files.length).fill(-1);
      loader.release(batch);
      done += files.length;
      onImages(done);
      yield { files, split, labels, features: values, size };
    }
  }
}

/** Runs `use` on the rows as a stage with its progress. */
export async function withFeatures<T>(
  run: FeatureRun,
  features: FeatureKind,
  { console, signal }: CommandContext,
  use: (rows: AsyncIterable<EmbeddingRows>) => Promise<T>,
): Promise<T> {
  const total = run.parts.reduce((sum, { images }) => sum + images.length, 0);
  return await stage(console.report, "Embedding", { total, unit: "images" }, async ({ progress }) => {
    const started = performance.now();
    const onImages = (done: number) => {
      const imagesPerSecond = done / ((performance.now() - started) / 1000);
      progress({ done, imagesPerSecond, secondsLeft: (total - done) / imagesPerSecond });
    };
    return await use(featureRows(run, features, { onImages, signal }));
  });
}
