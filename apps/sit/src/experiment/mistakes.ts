import { type ImageDataset, subset } from "@sitjs/data";
import { confusionMatrix, predictions, worstMistakes } from "@sitjs/eval";
import type { ReportMistakes } from "@sitjs/eval/report";
import { evalLoader, type LoaderContext } from "./loaders.js";
import { type Picture, toPicture } from "./pictures.js";

/** So many of the worst mistakes are pictured. */
const PICTURED = 24;
/** Larger images are not put in a report in their full size. */
const LARGEST_SIDE = 224;

/**
 * Where a classifier errs on the test images: for the report.
 *
 * @param probabilities [images x classes], in the test set's order
 * @param pictured how many of the worst mistakes are pictured (default 24)
 */
export async function mistakesOf(of: {
  readonly title: string;
  readonly probabilities: Float32Array;
  readonly test: ImageDataset;
  readonly context: LoaderContext;
  readonly pictured?: number;
}): Promise<ReportMistakes> {
  const { title, probabilities, test, context, pictured = PICTURED } = of;
  const labels = test.labels as Int32Array;
  const classes = probabilities.length / labels.length;
  const confusion = confusionMatrix(labels, predictions(probabilities, classes), classes);
  const worst = worstMistakes(probabilities, labels, classes, pictured);
  if (worst.length === 0) return { title, confusion };
  const shown = subset(
    test,
    worst.map(({ row }) => row),
  );
  const pictures = await picturesOf(shown, context);
  return {
    title,
    confusion,
    worst: worst.map(({ row, ...mistake }, i) => ({
      ...mistake,
      picture: pictures[i] as Picture,
      ...(test.storage.kind === "files" && { image: test.storage.paths[row] as string }),
    })),
  };
}

/** Every image as the network sees it. */
async function picturesOf(images: ImageDataset, context: LoaderContext): Promise<Picture[]> {
  const { settings, statistics } = context;
  const small = { ...settings, imageSize: Math.min(settings.imageSize, LARGEST_SIDE) };
  const loader = evalLoader(images, { ...context, settings: small, workers: 0 }, "test");
  const pictures: Picture[] = [];
  for await (const batch of loader.range(0, loader.stepsPerEpoch)) {
    const view = batch.views[0] as (typeof batch.views)[number];
    const [count, height, width] = view.shape;
    for (let i = 0; i < count; i++) pictures.push(toPicture(view.data, i, width, height, statistics));
  }
  return pictures;
}
