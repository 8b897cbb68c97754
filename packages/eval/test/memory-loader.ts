import type { BatchSource, ImageBatch } from "@sitjs/train";

export interface LabelledImages {
  /** [count, height, width, channels] */
  readonly pixels: Float32Array;
  readonly size: number;
  readonly channels: number;
  readonly labels?: Int32Array;
  /** [count, classes] */
  readonly targets?: Uint8Array;
  readonly count: number;
}

/** The images in order, batch by batch, the last one smaller where they do not divide. Counts closed iterations. */
export function memoryLoader(
  images: LabelledImages,
  batchSize: number,
): BatchSource & { readonly closed: () => number } {
  const { pixels, size, channels, labels, targets, count } = images;
  const stepsPerEpoch = Math.ceil(count / batchSize);
  const each = size * size * channels;
  const classes = (targets?.length ?? 0) / count;
  let closed = 0;
  const batchAt = (step: number): ImageBatch => {
    const first = (step % stepsPerEpoch) * batchSize;
    const end = Math.min(count, first + batchSize);
    return {
      views: [
        { data: pixels.slice(first * each, end * each), shape: [end - first, size, size, channels] as const },
      ],
      indices: Int32Array.from({ length: end - first }, (_, i) => first + i),
      labels: labels?.slice(first, end),
      targets: targets?.slice(first * classes, end * classes),
      epoch: Math.floor(step / stepsPerEpoch),
      step,
    };
  };
  return {
    batchSize,
    stepsPerEpoch,
    async *range(start, end) {
      try {
        for (let step = start; step < end; step++) yield batchAt(step);
      } finally {
        closed++;
      }
    },
    closed: () => closed,
  };
}
