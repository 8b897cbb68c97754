/** Some images with their feature vectors. */
export interface EmbeddingRows {
  /** What each image is called. */
  readonly files: readonly string[];
  /** Which part of the data set they are of: `train`, `test`. */
  readonly split: string;
  /** Index of each image's class; -1 where it has none. */
  readonly labels: Int32Array;
  /** [images x size] */
  readonly features: Float32Array;
  readonly size: number;
}

/** What is written beside the rows. */
export interface EmbeddingNotes {
  /** Names of the classes, by label. */
  readonly classes?: readonly string[] | undefined;
  /** Where the vectors come from: checkpoint, settings, versions; as JSON. */
  readonly about: Readonly<Record<string, unknown>>;
}
