import { imageNetStatistics } from "@sitjs/augment";
import { requireOption, SitError } from "@sitjs/core/errors";
import { useEngine } from "@sitjs/engine";
import { describeImport, evaluationPreprocessing, type Preprocessing } from "@sitjs/hub";
import { fromPretrained, savePretrained, type WeightFileOptions } from "@sitjs/hub/node";
import type { Run } from "../command-line/run-command.js";
import { findNamed } from "../experiment/pretrained-network.js";
import { requireReplaceable } from "../output/pretrained-folder.js";

/** Makes a pretrained folder of weights from elsewhere, and tells what of them was not used and what is missing. */
export const run: Run = async (options, { console, signal }, named = "") => {
  const { report } = console;
  const out = options.out as string;
  await requireReplaceable(out, "--out");
  const file: WeightFileOptions = {
    origin: options.names as WeightFileOptions["origin"],
    network: options.network as string | undefined,
    only: options.only as string | undefined,
    heads: options.heads as number | undefined,
    imageSize: options.imageSize as number | undefined,
  };
  const found = await findNamed(named, { option: "import", report, signal }, file);
  const given = Object.entries({ names: file.origin, only: file.only, "image-size": file.imageSize });
  const lost = given.find(([, value]) => value !== undefined)?.[0];
  if (lost !== undefined && found.kind !== "file") {
    throw new SitError(
      "bad-option",
      `--${lost}: expected a file of weights with it, got a ${found.kind}: ${named}`,
    );
  }
  const { channels = 3 } = found.config.backbone;
  const preprocessing = preprocessingOf(
    options,
    channels,
    found.preprocessing,
    found.config.backbone.imageSize,
  );
  // Weights are only read and written: no word of engines.
  await useEngine({ prefer: "cpu", onNotice: () => undefined });
  signal.throwIfAborted();
  const model = await fromPretrained(found);
  const { backbone, head, labels, multiLabel } = model.config;
  await savePretrained(out, {
    backbone,
    params: model.params,
    head: head && model.head && { ...head, params: model.head.params },
    labels,
    multiLabel,
    preprocessing,
  }).finally(() => model.dispose());
  const { imageSize, patchSize, width = 0, depth = 0, heads = 0 } = backbone;
  const shape = `${imageSize} pixels, patches of ${patchSize}, width ${width}, depth ${depth}, heads ${heads}`;
  console.result(
    {
      command: "import",
      out,
      from: { kind: found.kind, name: named, commit: found.commit ?? null },
      backbone,
      head: head ?? null,
      preprocessing,
      ...model.report,
    },
    [
      ...describeImport(model.report).split("\n"),
      `Wrote a vision transformer (${shape})${head ? ` with a classifier of ${head.classes} classes` : ""}: ${out}`,
      ...(found.preprocessing || options.mean
        ? []
        : ["Nothing says how images are normalised: ImageNet's mean and deviation are taken."]),
    ],
  );
};

/** What the options say of the images, else what the folder does, else ImageNet's mean and deviation. */
function preprocessingOf(
  options: Readonly<Record<string, unknown>>,
  channels: number,
  found: Preprocessing | undefined,
  size: number,
): Preprocessing {
  const mean = options.mean as number[] | undefined;
  const std = options.std as number[] | undefined;
  for (const [name, numbers, other] of [
    ["--mean", mean, std],
    ["--std", std, mean],
  ] as const) {
    const fits = numbers === undefined ? other === undefined : numbers.length === channels;
    requireOption(fits, name, `${channels} numbers, and both of --mean and --std`, numbers);
  }
  if (mean && std) return { ...(found ?? evaluationPreprocessing({ size, mean, std })), mean, std };
  const { mean: usual, deviation } = imageNetStatistics;
  return found ?? evaluationPreprocessing({ size, mean: usual, std: deviation });
}
