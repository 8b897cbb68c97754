import { randomStream, SitError, valueAndGradients } from "@sitjs/core";
import { closeness, gradientError, leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { gatherTokens, replaceTokens, requireVisible, spreadTokens, unnamed } from "./tokens.js";

const draw = (shape: number[], name: string): tf.Tensor =>
  tf.tensor(
    randomStream(0, "tokens", name).fillNormal(new Float32Array(shape.reduce((a, b) => a * b, 1))),
    shape,
  );
const values = (tensor: tf.Tensor): number[] => Array.from(tensor.dataSync());
const dot = (a: tf.Tensor, b: tf.Tensor): tf.Scalar => tf.sum(tf.mul(a, b));

/** Indices of `kept` tokens, none twice, for each sample. */
function drawIndices(batch: number, tokens: number, kept: number, seed: number): number[][] {
  return Array.from({ length: batch }, (_, sample) => [
    ...randomStream(seed, "indices", sample).permutation(tokens).slice(0, kept),
  ]);
}

for (const engine of await engines({ plain: true })) {
  describe(`tokens on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it.each([
      [3, 7, 4, 5],
      [1, 1, 1, 2],
      [2, 6, 6, 1],
      [5, 9, 1, 3],
    ])("are gathered and put back: batch %i, tokens %i, kept %i, width %i", (batch, tokens, kept, width) => {
      const indices = drawIndices(batch, tokens, kept, tokens);
      const named = tf.tensor2d(indices, [batch, kept], "int32");
      const x = draw([batch, tokens, width], "x") as tf.Tensor3D;
      const rows = x.arraySync();
      const gathered = gatherTokens(x, named);
      expect(gathered.arraySync()).toEqual(
        indices.map((of, sample) => of.map((index) => rows[sample]?.[index])),
      );
      const back = spreadTokens(gathered, named, tokens);
      const missing = unnamed(named, tokens).arraySync();
      expect(missing).toEqual(
        rows.map((sample, i) => sample.map((_, index) => (indices[i]?.includes(index) ? 0 : 1))),
      );
      expect(back.arraySync()).toEqual(
        rows.map((sample, i) => sample.map((row, j) => (missing[i]?.[j] === 1 ? row.map(() => 0) : row))),
      );
    });

    it("have each other as gradients: ⟨gather x, y⟩ = ⟨x, spread y⟩", () => {
      const named = tf.tensor2d(drawIndices(3, 7, 4, 1), [3, 4], "int32");
      const x = draw([3, 7, 5], "x") as tf.Tensor3D;
      const y = draw([3, 4, 5], "y") as tf.Tensor3D;
      const [left] = values(dot(gatherTokens(x, named), y));
      const [right] = values(dot(x, spreadTokens(y, named, 7)));
      expect(left).toBeCloseTo(right as number, 4);
      const ofX = tf.grad((at) => dot(gatherTokens(at as tf.Tensor3D, named), y))(x);
      expect(values(ofX)).toEqual(values(spreadTokens(y, named, 7)));
      const ofY = tf.grad((at) => dot(x, spreadTokens(at as tf.Tensor3D, named, 7)))(y);
      expect(values(ofY)).toEqual(values(gatherTokens(x, named)));
    });

    it("sum the gradients of a token that is named twice", () => {
      const named = tf.tensor2d([[1, 1]], [1, 2], "int32");
      const y = tf.tensor3d([[[1], [10]]]);
      const found = tf.grad((at) => dot(gatherTokens(at as tf.Tensor3D, named), y))(tf.zeros([1, 3, 1]));
      expect(values(found)).toEqual([0, 11, 0]);
    });

    it("are replaced where the mask is 1, with the gradients of finite differences", async () => {
      const x = draw([2, 3, 2], "x") as tf.Tensor3D;
      const token = draw([1, 1, 2], "token");
      const mask = tf.tensor2d([
        [0, 1, 0],
        [1, 1, 0],
      ]);
      const [t0, t1] = values(token);
      const expected = values(x);
      for (const masked of [1, 3, 4]) expected.splice(2 * masked, 2, t0 as number, t1 as number);
      expect(values(replaceTokens(x, { mask, token }))).toEqual(expected);
      const cotangent = draw([2, 3, 2], "cotangent");
      const run = (at: tf.Tensor, by: tf.Tensor): tf.Scalar =>
        dot(replaceTokens(at as tf.Tensor3D, { mask, token: by }), cotangent);
      for (const { relativeToMax, gradient } of [
        await gradientError((at) => run(at, token), x),
        await gradientError((at) => run(x, at), token),
      ]) {
        expect(gradient.length).toBeGreaterThan(0);
        expect(relativeToMax).toBeLessThan(2e-3);
      }
    });

    it("give the same gradients where the tape frees what it is done with, and leave nothing behind", async () => {
      const x = draw([2, 4, 3], "x") as tf.Tensor3D;
      const token = draw([3], "token");
      const loss = (at: tf.Tensor, by: tf.Tensor): tf.Scalar => {
        const named = tf.tensor2d(drawIndices(2, 4, 2, 3), [2, 2], "int32");
        const kept = gatherTokens(tf.square(at) as tf.Tensor3D, named);
        const seen = spreadTokens(kept, named, 4);
        const all = replaceTokens(seen, { mask: unnamed(named, 4), token: by });
        return tf.sum(tf.mul(tf.square(all), draw([2, 4, 3], "cotangent")));
      };
      const plain = tf.grads(loss)([x, token]);
      const freed = valueAndGradients(() => loss(x, token), [x, token]);
      for (const [i, gradient] of plain.entries()) {
        const again = freed.gradients[i] as tf.Tensor;
        expect(closeness(values(again), values(gradient)).maxAbsolute).toBeLessThan(1e-6);
      }
      const leaked = await leakedTensors(() => {
        const { value, gradients } = valueAndGradients(() => loss(x, token), [x, token]);
        tf.dispose([value, ...(gradients as tf.Tensor[])]);
      });
      expect(leaked).toBe(0);
    });

    it.each([
      [[[0, 3]], "above"],
      [[[-1, 1]], "below"],
    ])("refuse the indices %j, %s the range", (indices) => {
      const named = tf.tensor2d(indices, [1, 2], "int32");
      const gather = () => values(gatherTokens(draw([1, 3, 2], "x") as tf.Tensor3D, named));
      expect(gather).toThrow(SitError);
      expect(gather).toThrow(/visible: expected indices from 0 to 2/);
    });

    it("never take the token of the next sample", () => {
      const named = tf.tensor2d([[3], [0]], [2, 1], "int32");
      expect(() => gatherTokens(draw([2, 3, 2], "x") as tf.Tensor3D, named)).toThrow(SitError);
    });

    it("refuse indices, masks and mask tokens that do not fit", () => {
      const x = draw([2, 3, 4], "x") as tf.Tensor3D;
      const refused: [() => unknown, RegExp][] = [
        [
          () => requireVisible(tf.zeros([2, 4], "int32"), 2, 3),
          /visible: expected 1 to 3 patches .* \[2, 4\]/,
        ],
        [() => requireVisible(tf.zeros([2, 0], "int32"), 2, 3), /visible: expected 1 to 3 patches/],
        [() => requireVisible(tf.zeros([3, 1], "int32"), 2, 3), /visible: expected \[2, any\], got \[3, 1\]/],
        [() => requireVisible(tf.zeros([2, 1]), 2, 3), /visible: expected indices as int32, got "float32"/],
        [
          () => replaceTokens(x, { mask: tf.zeros([2, 4]), token: tf.zeros([4]) }),
          /mask: expected \[2, 3\], got \[2, 4\]/,
        ],
        [
          () => replaceTokens(x, { mask: tf.zeros([2, 3]), token: tf.zeros([1, 5]) }),
          /mask token: expected 4 values, got \[1, 5\]/,
        ],
      ];
      for (const [work, message] of refused) {
        expect(work).toThrow(SitError);
        expect(work).toThrow(message);
      }
    });
  });
}
