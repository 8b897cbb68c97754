import type { Backbone, Params } from "@sitjs/core";
import type { ImageDataset } from "@sitjs/data";
import type { Engine } from "@sitjs/engine";
import type { FeatureOptions, LabelledFeatures } from "@sitjs/eval";
import type { SettingScope } from "../command-line/options.js";
import { type ParsedOptions, type Resolved, resolveRun } from "../command-line/resolve.js";
import type { CommandContext } from "../command-line/run-command.js";
import { drawImages, openData } from "./data.js";
import { features } from "./features.js";
import { type LeftOut, leftOutImages } from "./left-out.js";
import type { LoaderContext } from "./loaders.js";
import { makeBackbone } from "./model.js";
import { findNetworkOf } from "./network.js";
import type { NetworkOrigin } from "./network-origin.js";
import { type Reporter, stage } from "./reporter.js";
import type { RunData } from "./run-data.js";
import { makeParts, startEngine } from "./session.js";
import { requireParts } from "./trained.js";

/** A pretrained network that stays as it is, and labelled images to judge it by. */
export interface Judged {
  readonly choice: Resolved;
  /** Where the network is from. */
  readonly network: NetworkOrigin;
  readonly engine: Engine;
  readonly data: RunData;
  readonly train: ImageDataset;
  readonly test: ImageDataset;
  readonly classes: number;
  readonly backbone: Backbone;
  /** The backbone's parameters. */
  readonly params: Params;
  readonly context: LoaderContext;
  readonly leftOut: LeftOut;
  dispose(): void;
}

/**
 * What every command does that judges a checkpoint by labelled images: finds and opens all of it, and starts the engine.
 *
 * @param look checks what only the command knows, before the engine is started
 */
export async function openJudged(
  options: ParsedOptions,
  { console, signal }: Pick<CommandContext, "console" | "signal">,
  how: {
    readonly scope: SettingScope;
    readonly defaultOut: string;
    readonly look?: (found: Pick<Judged, "choice" | "train" | "backbone">) => Promise<void> | void;
  },
): Promise<Judged> {
  const { report } = console;
  const found = await findNetworkOf(options, { report, signal });
  const { saved } = found;
  const choice = await resolveRun(options, { ...how, checkpoint: saved.settings });
  const { settings, seed, workers } = choice;
  const { channels, imageSize } = settings;
  const leftOut = leftOutImages(report);
  const opening = { channels, imageSize, settings, leftOut, report, signal };
  const data = await openData(choice.data, { ...opening, labelled: true });
  const test = data.test as NonNullable<typeof data.test>;
  const train = drawImages(data.train, (options.images as number | undefined) ?? 0, seed, "unlabelled");
  const { statistics } = saved;
  const parts = await makeParts(choice.config, settings, statistics);
  requireParts(found, parts, ["backbone"]);
  const backbone = makeBackbone(settings, parts);
  await how.look?.({ choice, train, backbone });

  const engine = await startEngine(choice.engine, report, data.note);
  signal.throwIfAborted();
  const trained = await found.load(settings);
  return {
    choice,
    network: found.origin,
    engine,
    data,
    train,
    test,
    classes: test.classes?.length ?? train.classes?.length ?? 0,
    backbone,
    params: trained.backbone,
    context: { settings, statistics, seed, workers, leftOut },
    leftOut,
    dispose: () => trained.dispose(),
  };
}

/** Features of all training and test images, as a stage. */
export async function featuresOf(
  judged: Pick<Judged, "backbone" | "train" | "test" | "context">,
  params: Params,
  how: FeatureOptions & { readonly name: string; readonly report: Reporter; readonly signal: AbortSignal },
): Promise<{ train: LabelledFeatures; test: LabelledFeatures }> {
  const { name, report, signal, ...taken } = how;
  const total = judged.train.length + judged.test.length;
  return await stage(
    report,
    name,
    { total, unit: "images" },
    async ({ progress }) => await features({ ...judged, params, taken, progress, signal }),
  );
}
