import { randomStream, SitError } from "@sitjs/core";
import { gradientError, leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { loadFixture } from "../../../fixtures/load.js";
import { relativePositionBias, relativePositions } from "./relative-positions.js";

const TABLE = "rel_pos_bias.relative_position_bias_table";

describe("relativePositions", () => {
  it("numbers the offsets as the reference does", () => {
    const { rowOfPair, rows, tokens } = relativePositions(4, [4, 4]);
    const index = loadFixture("simmim_rpb").entry("encoder.rel_pos_bias.relative_position_index");
    expect([tokens, tokens]).toEqual(index.shape);
    expect(rows).toBe(52);
    expect(Array.from(rowOfPair)).toEqual(Array.from(index.data, Number));
  });

  it.each([
    [3, 3, 3],
    [4, 2, 3],
    [5, 1, 5],
  ])("lists every pair once, in its own row: side %i, grid %i x %i", (side, rows, columns) => {
    const found = relativePositions(side, [rows, columns]);
    const seen = new Map<number, number>();
    found.pairsOfRow.forEach((pair, at) => {
      if (pair !== found.tokens ** 2) seen.set(pair, Math.floor(at / found.most));
    });
    expect(seen.size).toBe(found.tokens ** 2);
    for (const [pair, row] of seen) expect(found.rowOfPair[pair]).toBe(row);
    expect(found.pairsOfRow.filter((pair) => pair !== found.tokens ** 2)).toHaveLength(seen.size);
  });

  it("gives a smaller grid the rows that its offsets have in the large one", () => {
    const [large, small] = [relativePositions(4, [4, 4]), relativePositions(4, [2, 3])];
    const row = (of: typeof large, columns: number, from: number[], to: number[]): number | undefined => {
      const token = ([r, c]: number[]): number => 1 + (r as number) * columns + (c as number);
      return of.rowOfPair[token(from) * of.tokens + token(to)];
    };
    for (const [from, to] of [
      [
        [0, 0],
        [1, 2],
      ],
      [
        [1, 0],
        [0, 2],
      ],
      [
        [1, 1],
        [1, 1],
      ],
    ] as const) {
      expect(row(small, 3, [...from], [...to])).toBe(row(large, 4, [...from], [...to]));
    }
  });

  it("refuses a grid larger than the table's", () => {
    expect(() => relativePositions(3, [4, 2])).toThrow(SitError);
    expect(() => relativePositions(3, [4, 2])).toThrow(/at most 3 x 3 patches .* got 4 x 2/);
  });
});

for (const engine of await engines({ plain: true })) {
  describe(`relativePositionBias on ${engine.name}`, () => {
    beforeAll(() => engine.use());
    const positions = relativePositions(2, [2, 2]);
    const table = (): tf.Tensor =>
      tf.tensor(randomStream(0, "table").fillNormal(new Float32Array(12 * 3)), [12, 3]);

    it("takes the row of each pair for each head", async () => {
      const rows = (await table().array()) as number[][];
      const bias = await relativePositionBias({ [TABLE]: table() }, 3, positions).array();
      bias.forEach((ofHead, head) => {
        expect(ofHead.flat()).toEqual(Array.from(positions.rowOfPair, (row) => rows[row]?.[head]));
      });
    });

    it("has the gradient of finite differences, and leaves nothing behind", async () => {
      const cotangent = tf.tensor(randomStream(1).fillNormal(new Float32Array(3 * 25)), [3, 5, 5]);
      const run = (at: tf.Tensor): tf.Scalar =>
        tf.sum(tf.mul(relativePositionBias({ [TABLE]: at }, 3, positions), cotangent));
      const { relativeToMax, gradient } = await gradientError(run, table());
      expect(Math.max(...gradient)).toBeGreaterThan(0.1);
      expect(relativeToMax).toBeLessThan(2e-3);
      const at = table();
      expect(await leakedTensors(() => tf.grad(run)(at).dispose())).toBe(0);
    });

    it("refuses a table of another grid or number of heads", () => {
      expect(() => relativePositionBias({ [TABLE]: tf.zeros([28, 3]) }, 3, positions)).toThrow(
        /bias_table: expected \[12, 3\], got \[28, 3\]/,
      );
    });
  });
}
