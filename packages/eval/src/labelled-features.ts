/** Feature vectors of images, row by row, with labels. */
export interface LabelledFeatures {
  /** [rows x size] */
  readonly features: Float32Array;
  readonly size: number;
  /** The class of each row; -1 where there is none. */
  readonly labels: Int32Array;
  /** [rows x classes] where each row may show several classes, see `ImageBatch` of @sitjs/train. */
  readonly targets?: Uint8Array;
}
