import { type Params, param, SitError, withGradient } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { requireShape } from "./check.js";

const TABLE = "rel_pos_bias.relative_position_bias_table";

/** Which row of the bias table belongs to each pair of tokens, and the pairs of each row. */
export interface RelativePositions {
  /** Tokens, the class-like one included. */
  readonly tokens: number;
  /** Rows of the table: (2 side - 1)² offsets, then class to patch, patch to class, class to class. */
  readonly rows: number;
  /** [tokens x tokens]: the row of the pair (from, to). */
  readonly rowOfPair: Int32Array;
  /** [rows, most]: the pairs (from x tokens + to) of each row, filled up with tokens x tokens, which is no pair. */
  readonly pairsOfRow: Int32Array;
  /** Pairs of the row that has most. */
  readonly most: number;
}

/**
 * The offsets between tokens as BEiT (Bao et al. 2022) and SimMIM number them: (rows down + side - 1) x (2 side - 1) +
 * columns right + side - 1, from the second token of a pair to the first.
 *
 * @param side of the square grid of patches that the table is for
 * @param grid of the image, at most `side` each way
 * @throws SitError "bad-shape" for a larger grid: the table has no bias for its offsets
 */
export function relativePositions(
  side: number,
  [rows, columns]: readonly [rows: number, columns: number],
): RelativePositions {
  if (rows > side || columns > side) {
    throw new SitError(
      "bad-shape",
      `images: expected at most ${side} x ${side} patches with relative positions, got ${rows} x ${columns}`,
    );
  }
  const span = 2 * side - 1;
  const tokens = 1 + rows * columns;
  const offsets = span * span;
  const rowOfPair = new Int32Array(tokens * tokens);
  for (let from = 0; from < tokens; from++) {
    for (let to = 0; to < tokens; to++) {
      rowOfPair[from * tokens + to] = from === 0 ? (to === 0 ? offsets + 2 : offsets) : offsets + 1;
      if (from === 0 || to === 0) continue;
      const down = Math.floor((from - 1) / columns) - Math.floor((to - 1) / columns);
      const right = ((from - 1) % columns) - ((to - 1) % columns);
      rowOfPair[from * tokens + to] = (down + side - 1) * span + right + side - 1;
    }
  }
  const pairs = Array.from({ length: offsets + 3 }, () => [] as number[]);
  rowOfPair.forEach((row, pair) => {
    pairs[row]?.push(pair);
  });
  const most = Math.max(...pairs.map(({ length }) => length));
  const pairsOfRow = new Int32Array(pairs.length * most).fill(tokens * tokens);
  for (const [row, of] of pairs.entries()) pairsOfRow.set(of, row * most);
  return { tokens, rows: pairs.length, rowOfPair, pairsOfRow, most };
}

/** The table, one row an offset, one column a head: zeros, as BEiT starts it. */
export function initRelativePositions(side: number, heads: number): Params {
  return { [TABLE]: tf.zeros([(2 * side - 1) ** 2 + 3, heads]) };
}

/**
 * The bias that all blocks add to their attention scores. The gradient of the table is a sum over each row's pairs,
 * gathered: additions at indices are missing on wasm, and elsewhere their order may differ from run to run.
 *
 * @returns [heads, tokens, tokens]
 */
export function relativePositionBias(
  params: Params,
  heads: number,
  { tokens, rows, rowOfPair, pairsOfRow, most }: RelativePositions,
): tf.Tensor3D {
  const table = param<tf.Tensor2D>(params, TABLE);
  requireShape(TABLE, table, [rows, heads]);
  return withGradient<tf.Tensor3D>(
    [table],
    () => {
      const ofPairs = tf.gather(table, tf.tensor1d(rowOfPair, "int32")); // [tokens x tokens, heads]
      return { value: tf.reshape(tf.transpose(ofPairs), [heads, tokens, tokens]) as tf.Tensor3D, save: [] };
    },
    (dy) => {
      const withNoPair = tf.pad(tf.reshape(dy, [heads, tokens * tokens]), [
        [0, 0],
        [0, 1],
      ]);
      const ofRows = tf.gather(withNoPair, tf.tensor2d(pairsOfRow, [rows, most], "int32"), 1);
      return [tf.transpose(tf.sum(ofRows, 2))];
    },
  );
}
