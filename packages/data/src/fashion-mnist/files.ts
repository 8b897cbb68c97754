import { type PinnedFile, requireContent } from "../sources/pinned-file.js";

export type FashionMnistSplit = "train" | "test";

export const fashionMnistClasses = [
  "T-shirt/top",
  "Trouser",
  "Pullover",
  "Dress",
  "Coat",
  "Sandal",
  "Shirt",
  "Sneaker",
  "Bag",
  "Ankle boot",
] as const;

export const fashionMnistName = { title: "Fashion-MNIST", otherwise: "idxDataset" } as const;

export interface SplitFiles {
  readonly images: PinnedFile;
  readonly labels: PinnedFile;
}

/**
 * The official files. The sums were taken from Debian's dataset-fashion-mnist 0.0~git20200523.55506a9-1; its
 * compressed streams, with the original names and times put back into the gzip headers, have the MD5 sums that the
 * authors publish (8d4fb7e6…, 25c81989…, bef4ecab…, bb300cfd…), so the content is theirs to the byte.
 */
export const officialFiles: Record<FashionMnistSplit, SplitFiles> = {
  train: {
    images: {
      name: "train-images-idx3-ubyte",
      sha256: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    },
    labels: {
      name: "train-labels-idx1-ubyte",
      sha256: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    },
  },
  test: {
    images: {
      name: "t10k-images-idx3-ubyte",
      sha256: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    },
    labels: {
      name: "t10k-labels-idx1-ubyte",
      sha256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
  },
};

/** The two uncompressed IDX files of one split. */
export interface SplitBytes {
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
}

/** Throws `SitError("bad-file")` naming `where` unless the content has the pinned sum. */
export function requireChecksum(content: Uint8Array, pinned: PinnedFile, where: string): void {
  requireContent(content, pinned, where, fashionMnistName);
}
