import { printable, SitError } from "@sitjs/core/errors";
import { type ImageDataset, sampleFile, sharedImages } from "@sitjs/data";
import type { OpenDataOptions, RunData } from "./run-data.js";

/** What the folder of test images is called, beside `train`; the first that is there is taken. */
export const testFolders = ["test", "val", "valid", "validation"] as const;

type Telling = Pick<OpenDataOptions, "report" | "signal">;

/**
 * Checks images that are to be judged by their labels: of one class alone there is nothing to tell, and test images that
 * were learned from give too good a result, of which is warned.
 * @throws SitError "bad-file" for less than two classes
 */
export async function checkLabelled(data: RunData, options: Telling): Promise<void> {
  const { source, train, test } = data;
  const classes = train.classes?.length ?? 0;
  if (classes < 2) {
    const got = train.classes?.[0] === undefined ? "none" : `one, ${printable(train.classes[0])}`;
    throw new SitError("bad-file", `--data ${printable(source)}: expected at least two classes, got ${got}`);
  }
  if (test !== undefined) await warnOfShared({ source, train, test }, options);
}

/** Warns of test images that are training images too. */
export async function warnOfShared(
  data: { readonly source: string; readonly train: ImageDataset; readonly test: ImageDataset },
  { report, signal }: Telling,
): Promise<void> {
  const { source, train, test } = data;
  const shared = await sharedImages(test, train, { signal });
  const [first] = shared;
  if (first === undefined) return;
  const are = shared.length === 1 ? "is a training image" : "are training images";
  const such = `such as ${printable(first.image)} (the same as ${printable(first.other)})`;
  const text = `${printable(source)}: ${shared.length} of ${test.length} test images ${are} too, ${such}; results on them say too much`;
  report({ event: "warning", text });
}

/**
 * A folder `train` whose images lie in folders of their own has classes inside, and is none itself.
 * @throws SitError "bad-file" where there is such a folder
 */
export function requireParts(source: string, images: ImageDataset): void {
  if (images.storage.kind !== "files") return;
  const inTrain = Array.from({ length: images.length }, (_, i) => sampleFile(images, i)).filter((path) =>
    path.startsWith("train/"),
  );
  if (inTrain.length === 0 || inTrain.some((path) => path.split("/").length < 3)) return;
  throw new SitError(
    "bad-file",
    `--data ${printable(source)}: expected a folder ${testFolders.join(", ")} beside train, got none of them`,
    { mend: "Add one, or name the folder train itself: then a part of it is to test with." },
  );
}
