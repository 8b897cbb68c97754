import type { RandomStream } from "@sitjs/core/random";
import { type BlockGrid, drawBlocks, paint } from "./blocks.js";

/** What corrupted pixels become. */
export type GmmlKind = "zeros" | "noise" | "replace" | "rand";

export interface Kind {
  readonly name: GmmlKind;
  /** Range of the corrupted share of an image. */
  readonly share: { readonly low: number; readonly high: number };
}

export interface BatchSize {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

export interface NoiseDraw {
  /** [batch, height, width], 1 = noise. */
  readonly mask: Float32Array;
  /** One for each image; those of images without noise are not used any more. */
  readonly streams: readonly RandomStream[];
}

/** What the host draws for a batch; what no image of the batch needs is undefined. */
export interface BatchDraw {
  /** [batch, height, width], 1 = corrupted. */
  readonly mask: Float32Array;
  /** Where noise goes, and each image's own stream to draw it from. */
  readonly noise: NoiseDraw | undefined;
  /** [batch, height, width], 1 = content comes from another place or image. */
  readonly borrowed: Float32Array | undefined;
  /** [batch], the image whose content is borrowed; its own number where none is. */
  readonly donors: Int32Array | undefined;
  /** [batch x height x width], the pixel of the (donor's) batch whose content is borrowed. */
  readonly sources: Int32Array | undefined;
}

/** Draws kinds, masks and contents of a batch; sample i draws from `rng.fork(i)`. */
export function drawBatch(
  { batch, height, width }: BatchSize,
  grid: BlockGrid,
  kinds: readonly Kind[],
  rng: RandomStream,
): BatchDraw {
  const pixels = height * width;
  const samples = Array.from({ length: batch }, (_, sample) => {
    const stream = rng.fork(sample);
    return { stream, offset: sample * pixels, kind: kinds[stream.integer(0, kinds.length)] as Kind };
  });
  const some = (name: GmmlKind) => samples.some(({ kind }) => kind.name === name);
  const noiseMask = some("noise") ? new Float32Array(batch * pixels) : undefined;
  const donors = some("replace") ? countUp(batch) : undefined;
  const sources = some("rand") ? countUp(batch * pixels) : undefined;
  const borrowed = donors || sources ? new Float32Array(batch * pixels) : undefined;
  const mask = new Float32Array(batch * pixels);
  const cells = new Int32Array(grid.rows * grid.columns);

  samples.forEach(({ stream, offset, kind: { name, share } }, sample) => {
    // For `rand`, a cell's label is how many cells further on its content lies; otherwise it only marks the cell.
    const label = name === "rand" ? () => stream.integer(1, cells.length) : () => 1;
    cells.fill(0);
    drawBlocks(grid, cells, share, stream, label);
    paint(cells, grid, mask, offset);
    if (name === "noise") noiseMask?.set(mask.subarray(offset, offset + pixels), offset);
    if (name === "replace" && donors !== undefined) {
      donors[sample] = (sample + stream.integer(1, batch)) % batch; // any image but itself
    }
    if (name === "rand" && sources !== undefined) shift(cells, grid, sources, offset);
    if (name === "replace" || name === "rand") {
      borrowed?.set(mask.subarray(offset, offset + pixels), offset);
    }
  });
  const noise = noiseMask && { mask: noiseMask, streams: samples.map(({ stream }) => stream) };
  return { mask, noise, borrowed, donors, sources };
}

function countUp(length: number): Int32Array {
  const numbers = new Int32Array(length);
  for (let i = 0; i < length; i++) numbers[i] = i;
  return numbers;
}

/** Points the pixels of every labelled cell to the cell that its label says, around the image's borders. */
function shift(cells: Int32Array, grid: BlockGrid, sources: Int32Array, offset: number): void {
  const { rows, columns, alignment } = grid;
  const width = columns * alignment;
  for (let row = 0, cell = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, cell++) {
      const label = cells[cell] as number;
      if (label === 0) continue;
      const fromRow = (row + Math.floor(label / columns)) % rows;
      const fromColumn = (column + (label % columns)) % columns;
      for (let y = 0; y < alignment; y++) {
        const target = offset + (row * alignment + y) * width + column * alignment;
        const source = offset + (fromRow * alignment + y) * width + fromColumn * alignment;
        for (let x = 0; x < alignment; x++) sources[target + x] = source + x;
      }
    }
  }
}
