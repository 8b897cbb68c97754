import type { ImageDataset } from "../dataset.js";
import type { FolderProblem } from "../folder-scan.js";
import type { Download } from "../sources/first-answer.js";
import type { Channels } from "../storage.js";

/** A file of a data set as its makers publish it. */
export interface CatalogueFile {
  /** Where it is put inside the data set's folder, with `/` between folders. */
  readonly name: string;
  /** The official `https://` address. */
  readonly url: string;
  /** Length in bytes; undefined where its makers do not say and it could not be looked up. */
  readonly bytes?: number;
  /** The most that is taken where `bytes` is not known. */
  readonly maximumBytes?: number;
  /** The checksum that is published, in hex. */
  readonly sha256?: string;
  readonly md5?: string;
  /**
   * An archive (tar, gzipped tar, zip) is unpacked beside itself and then removed; what holds more `files` or `bytes` than
   * this is refused. Other archives and single compressed files stay as they are.
   */
  readonly archive?: { readonly files: number; readonly bytes: number };
}

/** Images that belong together in a data set. */
export interface CataloguePart {
  /** Such as "train", "test", "unlabelled". */
  readonly name: string;
  readonly images: number;
  readonly labelled: boolean;
  /** What is to be known of it, such as that it is the official validation set. */
  readonly note?: string;
}

/** How a part is opened. */
export interface OpenPartOptions {
  /** Name of the part. */
  readonly part: string;
  /** Grey or colour; default: as the data set has them. */
  readonly channels?: Channels | undefined;
  /** As of `imageFolder`. */
  readonly shorterSide?: number | undefined;
  /**
   * Told each image that is left out, where a folder says what the images are and no list does. Of a part "test" none is:
   * one that cannot be reached is an error.
   */
  readonly onProblem?: ((problem: FolderProblem) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How a part is opened that is fetched where it is not there. */
export interface OwnSourceOptions {
  /** Name of the part. */
  readonly part: string;
  /** Root of the cache; default `$SITJS_CACHE`, else the user's cache folder. */
  readonly cacheDir?: string | undefined;
  /** Told in one sentence what is fetched, from where, and how it differs from the official data set. */
  readonly onNotice?: ((notice: string) => void) | undefined;
  readonly onProgress?: ((progress: Download) => void) | undefined;
}

/** A data set that is fetched from several places, whichever answers first, when it is opened. */
export interface OwnSources {
  /** Whether it is in the cache, or somewhere else on this machine. */
  isHere(cacheDir?: string): boolean;
  /** Opens a part; `source` says where it came from and whether it is the official one. */
  open(options: OwnSourceOptions): Promise<SourcedDataset>;
}

export interface SourcedDataset extends ImageDataset {
  readonly source: { readonly location: string; readonly official: boolean };
}

/** A well-known data set: where it comes from, what may be done with it, how it is read. */
export interface CatalogueEntry {
  /** As it is named on the command line: "cifar-100". */
  readonly name: string;
  readonly title: string;
  readonly homepage: string;
  /** What its makers allow, in a few words; "not stated" where they say nothing. */
  readonly licence: string;
  /** What its makers want cited. */
  readonly citation?: string;
  readonly channels: Channels;
  /** One label an image, several, or none at all. */
  readonly labels: "one" | "several";
  readonly classes: number;
  /** Side of the images in pixels where all have one. */
  readonly imageSize?: number;
  /**
   * One is called "train" and one "test": those are learned from and measured on unless asked otherwise. Where the labels
   * of the official test images are secret, "test" is the official validation set.
   */
  readonly parts: readonly CataloguePart[];
  /** What is downloaded; empty where the makers want an account, and `byHand` says what to do. */
  readonly files: readonly CatalogueFile[];
  /** How to get it where it cannot be downloaded: what to put where. */
  readonly byHand?: string;
  /** Where it can be had from elsewhere than `files` too; used where no folder is named. */
  readonly ownSources?: OwnSources;
  /**
   * Opens a part of the data set in its folder, as its archives unpack.
   * @throws SitError "missing-file" naming what is not there, "bad-file" naming what is wrong, "bad-option" for the part
   */
  open(folder: string, options: OpenPartOptions): Promise<ImageDataset>;
}
