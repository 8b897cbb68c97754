import { requireOption, SitError } from "@sitjs/core/errors";
import type { RandomStream } from "@sitjs/core/random";

/** Sides of the blocks that make up a mask, as shares of the image's height and width. */
export interface BlockSizes {
  /** Smallest side, in [0, maximum]; rounded up to whole pixels, at least one. */
  readonly minimum: number;
  /** Largest side, in (0, 1]; rounded down to whole pixels. */
  readonly maximum: number;
}

/** One block as drawn, in pixels. It wraps around the image's borders. */
export interface Block {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

export interface BlockMaskOptions {
  /** Rows and columns of the image, pixels. */
  readonly height: number;
  readonly width: number;
  /** Largest share of the image to corrupt, in (0, 1]. */
  readonly ratio: number;
  /** Smallest share, in [0, ratio]; default `min(0.5, ratio)`, as in the official code. */
  readonly minimumRatio?: number;
  /** Default 5 to 25 % of the side, as in the SiT paper; the official code has 1 pixel to 30 %. */
  readonly blocks?: BlockSizes;
  /** Blocks start and end at multiples of this many pixels; 1 (default) or the patch size. */
  readonly alignment?: number;
  /** Told of every block in turn, for statistics and pictures. */
  readonly onBlock?: (block: Block) => void;
}

/**
 * Draws one mask of random rectangles (group masked model learning, Atito et al. 2021 and 2022): blocks are
 * added until a share of the image drawn from [minimumRatio, ratio] is covered; the last block may go past it.
 *
 * Blocks wrap around the borders, so that a mask shifted cyclically is as likely as the mask itself and every
 * pixel is covered with exactly the same probability. It always ends: after twice as many blocks as there are
 * places to start one, each further block starts at a place that is still clean.
 *
 * @returns [height x width] row by row, 1 = corrupted
 * @throws SitError "bad-option"; "bad-shape" where the alignment does not divide the image
 */
export function drawBlockMask(options: BlockMaskOptions, rng: RandomStream): Uint8Array {
  const { ratio, minimumRatio = Math.min(0.5, ratio), alignment = 1, onBlock } = options;
  requireShare("ratio", "minimumRatio", ratio, minimumRatio);
  const grid = blockGrid(options.height, options.width, options.blocks ?? defaultBlocks, alignment);
  const labels = new Int32Array(grid.rows * grid.columns);
  drawBlocks(grid, labels, { low: minimumRatio, high: ratio }, rng, (top, left, rows, columns) => {
    onBlock?.({
      top: top * alignment,
      left: left * alignment,
      height: rows * alignment,
      width: columns * alignment,
    });
    return 1;
  });
  const mask = new Uint8Array(options.height * options.width);
  paint(labels, grid, mask, 0);
  return mask;
}

/** The SiT paper's block sizes. */
export const defaultBlocks: BlockSizes = { minimum: 0.05, maximum: 0.25 };

/** The image as a grid of cells of `alignment` pixels, and the sides that blocks may have, in pixels. */
export interface BlockGrid {
  readonly rows: number;
  readonly columns: number;
  readonly alignment: number;
  readonly heights: SideRange;
  readonly widths: SideRange;
}

interface SideRange {
  readonly smallest: number;
  readonly largest: number;
}

export function blockGrid(height: number, width: number, blocks: BlockSizes, alignment: number): BlockGrid {
  requireBlocks(blocks);
  requireAlignment(alignment);
  const whole = (side: number) => Number.isInteger(side) && side > 0 && side % alignment === 0;
  if (!whole(height) || !whole(width)) {
    throw new SitError(
      "bad-shape",
      `alignment: expected an image with sides that ${alignment} divides, got ${height} x ${width}`,
    );
  }
  return {
    rows: height / alignment,
    columns: width / alignment,
    alignment,
    heights: sideRange(height, blocks, alignment),
    widths: sideRange(width, blocks, alignment),
  };
}

/**
 * Adds blocks to the cells in `labels` (0 = clean) until the share drawn is covered. `place` gets each block in
 * cells and returns the label, not 0, that its cells get; a later block overwrites an earlier one.
 */
export function drawBlocks(
  grid: BlockGrid,
  labels: Int32Array,
  share: { readonly low: number; readonly high: number },
  rng: RandomStream,
  place: (top: number, left: number, rows: number, columns: number) => number,
): void {
  const { rows, columns } = grid;
  const cells = rows * columns;
  const target = Math.min(cells, rng.between(share.low, share.high) * cells);
  let covered = 0;
  for (let count = 0; covered < target; count++) {
    const blockRows = cellsOf(grid.heights, grid, rows, rng);
    const blockColumns = cellsOf(grid.widths, grid, columns, rng);
    // Random places alone cover a large share only in the end, and all of it possibly never in practice.
    const start = count < 2 * cells ? rng.integer(0, cells) : cleanCell(labels, cells - covered, rng);
    const top = Math.floor(start / columns);
    const left = start % columns;
    const label = place(top, left, blockRows, blockColumns);
    // The part of each row up to the right border, then what wraps around to the left one.
    const right = Math.min(columns, left + blockColumns);
    const wrapped = left + blockColumns - right;
    for (let i = 0, row = top; i < blockRows; i++, row++) {
      if (row === rows) row = 0;
      const first = row * columns;
      covered += fillCells(labels, first + left, first + right, label);
      if (wrapped > 0) covered += fillCells(labels, first, first + wrapped, label);
    }
  }
}

/** Labels the cells from `start` to `end`; returns how many of them were clean. */
function fillCells(labels: Int32Array, start: number, end: number, label: number): number {
  let clean = 0;
  for (let cell = start; cell < end; cell++) {
    if (labels[cell] === 0) clean++;
    labels[cell] = label;
  }
  return clean;
}

/** Writes 1 on every pixel of a labelled cell; returns how many pixels those are. */
export function paint(
  cells: Int32Array,
  { rows, columns, alignment }: BlockGrid,
  mask: Float32Array | Uint8Array,
  offset: number,
): number {
  let covered = 0;
  for (let y = 0, pixel = offset; y < rows * alignment; y++) {
    const first = Math.floor(y / alignment) * columns;
    for (let cell = first; cell < first + columns; cell++) {
      const value = cells[cell] === 0 ? 0 : 1;
      covered += value;
      for (let x = 0; x < alignment; x++) mask[pixel++] = value;
    }
  }
  return covered * alignment;
}

/** A side drawn evenly from whole pixels, then rounded to cells: halves to even, as in the official code. */
function cellsOf(range: SideRange, grid: BlockGrid, limit: number, rng: RandomStream): number {
  const exact = rng.integer(range.smallest, range.largest + 1) / grid.alignment;
  const rounded = exact % 2 === 0.5 ? exact - 0.5 : Math.round(exact);
  return Math.min(limit, Math.max(1, rounded));
}

function cleanCell(labels: Int32Array, clean: number, rng: RandomStream): number {
  let left = rng.integer(0, clean);
  return labels.findIndex((label) => label === 0 && left-- === 0);
}

function sideRange(side: number, blocks: BlockSizes, alignment: number): SideRange {
  // Shares such as 0.3 are not exact in binary: 0.07 x 100 must be 7 pixels, not 8.
  const slack = 1e-9 * side;
  const smallest = Math.max(alignment, Math.ceil(blocks.minimum * side - slack));
  return { smallest, largest: Math.max(smallest, Math.floor(blocks.maximum * side + slack)) };
}

export function requireShare(name: string, minimumName: string, ratio: number, minimum: number): void {
  requireOption(ratio > 0 && ratio <= 1, name, "a share above 0 and at most 1", ratio);
  requireOption(minimum >= 0 && minimum <= ratio, minimumName, `a share from 0 to ${ratio}`, minimum);
}

export function requireBlocks(blocks: BlockSizes): void {
  const { minimum, maximum } = blocks;
  requireOption(maximum > 0 && maximum <= 1, "blocks.maximum", "a share above 0 and at most 1", maximum);
  requireOption(
    minimum >= 0 && minimum <= maximum,
    "blocks.minimum",
    `a share from 0 to ${maximum}`,
    minimum,
  );
}

export function requireAlignment(alignment: number): void {
  requireOption(
    Number.isInteger(alignment) && alignment >= 1,
    "alignment",
    "a whole number of pixels, at least 1",
    alignment,
  );
}
