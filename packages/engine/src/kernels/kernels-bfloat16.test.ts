import { attention, withPrecision } from "@sitjs/core";
import { closeness } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeEach, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { draw, expectSameComposed } from "../testing/kernel-checks.js";
import { attentionReference, type Numbers } from "../testing/kernel-reference.js";
import {
  computeLayer,
  type LayerCase,
  linearCase,
  linearSizes,
  perceptronCase,
  perceptronSizes,
} from "../testing/layer-cases.js";
import { exactly, toBfloat16 } from "../testing/product-reference.js";
import { registerKernels } from "./register.js";

// Only where the native engine is installed and its kernels were compiled.
const native = (await engines()).find(({ engine }) => engine.kernels.length > 0);

const attentionSizes: [number, number, number, number][] = [
  [1, 1, 1, 1],
  [2, 17, 4, 16],
  [2, 17, 3, 5],
  [1, 65, 2, 7],
  [2, 197, 1, 8],
  [1, 253, 1, 3], // one query more than a block
  [1, 300, 2, 20],
];

/** The layer's value in bfloat16; its gradients are asked for outside, when the precision in use is float32 again. */
function inBfloat16(layer: LayerCase): LayerCase {
  return { ...layer, run: (...given) => withPrecision("bfloat16", () => layer.run(...given)) };
}

/**
 * Of float64 on the same rounded operands: float32's own error, as in float32. Where an operand was computed, that error
 * can round it to the neighbouring bfloat16, 2^-8 of itself away: few do, one is little of a sum, and a row or a column of
 * the result sees it.
 */
async function expectRounded(
  actual: tf.Tensor,
  expected: Numbers,
  { computedOperands = false } = {},
): Promise<void> {
  const largest = Array.from(expected, Math.abs).reduce((a, b) => Math.max(a, b), 0);
  const found = closeness(await actual.data(), expected, { absolute: 5e-6 * largest });
  expect(found.shareBeyond).toBeLessThanOrEqual(computedOperands ? 0.1 : 0);
  expect(found.relativeToMax).toBeLessThanOrEqual(computedOperands ? 1e-3 : 5e-6);
}

async function expectRoundedLayer(layer: LayerCase, computedOperands = false): Promise<void> {
  const { plain, recorded, gradients } = computeLayer(inBfloat16(layer));
  const wanted = await layer.reference(toBfloat16);
  expect(closeness(await recorded.data(), await plain.data()).maxAbsolute).toBe(0);
  for (const [i, tensor] of [plain, ...gradients].entries()) {
    await expectRounded(tensor, wanted[i] as Numbers, { computedOperands });
  }
}

describe.skipIf(native === undefined)("fused products in bfloat16", () => {
  beforeEach(async () => {
    await native?.use();
    registerKernels();
  });

  it.each(linearSizes)(
    "linear layers are float64's on rounded operands: batch %i, tokens %i, in %i, out %i",
    async (...size) => {
      await expectRoundedLayer(linearCase("linear", size));
      await expectRoundedLayer(linearCase("linear", size, { bias: false }));
      await expectRoundedLayer(linearCase("linearGelu", size), true);
      await expectRoundedLayer(linearCase("linearResidual", size));
      await expectRoundedLayer(linearCase("linearResidual", size, { scale: true }));
    },
  );

  it.each(perceptronSizes)(
    "perceptronResidual is float64's on rounded operands: batch %i, tokens %i, in %i, hidden %i, out %i",
    async (...size) => {
      await expectRoundedLayer(perceptronCase(size), true);
      await expectRoundedLayer(perceptronCase(size, { scale: true }), true);
    },
  );

  it.each(attentionSizes)(
    "attention is float64's on rounded operands: batch %i, tokens %i, heads %i of %i",
    async (...size) => {
      const [batch, tokens, heads, head] = size;
      const qkv = draw([batch, tokens, 3 * heads * head], "qkv");
      const dy = draw([batch, tokens, heads * head], "dy");
      const mix = (x: tf.Tensor): tf.Tensor =>
        withPrecision("bfloat16", () => attention(x as tf.Tensor3D, heads));
      const wanted = attentionReference(await qkv.data(), await dy.data(), size, toBfloat16);
      const given = { computedOperands: true }; // the softmax weights
      await expectRounded(mix(qkv), wanted.output, given);
      await expectRounded(tf.grad(mix)(qkv, dy), wanted.dQkv, given);
    },
  );

  describe.each<[string, (magnitude: number) => LayerCase]>([
    ["linear", (magnitude) => linearCase("linear", [4, 5, 19, 21], { magnitude })],
    ["linearGelu", (magnitude) => linearCase("linearGelu", [4, 5, 19, 21], { magnitude })],
    [
      "linearResidual",
      (magnitude) => linearCase("linearResidual", [4, 5, 19, 21], { magnitude, scale: true }),
    ],
    ["perceptronResidual", (magnitude) => perceptronCase([4, 5, 19, 33, 21], { magnitude, scale: true })],
  ])("%s", (_, layer) => {
    it("rounds, in the gradient too that is asked for outside of withPrecision", async () => {
      const { plain, gradients } = computeLayer(inBfloat16(layer(1)));
      const exact = await layer(1).reference(exactly);
      for (const [i, tensor] of [plain, ...gradients.slice(0, 2)].entries()) {
        const { relativeToMax } = closeness(await tensor.data(), exact[i] as Numbers);
        expect(relativeToMax).toBeGreaterThan(2e-4);
        expect(relativeToMax).toBeLessThan(2e-2);
      }
    });

    it("agrees with the composed form", async () => {
      await expectSameComposed(() => {
        const { plain, recorded, gradients } = computeLayer(inBfloat16(layer(1)));
        return [plain, recorded, ...gradients];
      }, 2e-3);
    });

    it.each([1e-18, 1e-3, 1e12])("keeps magnitudes of %d", async (magnitude) => {
      await expectRoundedLayer(layer(magnitude), true);
    });
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])("keeps %d to its row", async (odd) => {
    for (const layer of [
      linearCase("linearResidual", [4, 5, 19, 21], { odd: [11 * 19 + 4, odd] }),
      linearCase("linearGelu", [4, 5, 19, 21], { odd: [11 * 19 + 18, odd] }), // alone in its pair
      perceptronCase([4, 5, 19, 33, 21], { odd: [11 * 19 + 4, odd] }),
    ]) {
      const { plain, gradients } = computeLayer(inBfloat16(layer));
      const wanted = await layer.reference(toBfloat16);
      for (const [i, tensor] of [plain, ...gradients].entries()) {
        const near = { absolute: 1e-2, relative: 1e-2 };
        expect(closeness(await tensor.data(), wanted[i] as Numbers, near).excess).toBeLessThanOrEqual(0);
      }
      const rows = (await plain.array()) as number[][][];
      expect(rows.flat().map((row) => row.every(Number.isFinite))).toEqual(
        Array.from({ length: 20 }, (_, row) => row !== 11),
      );
    }
  });

  it("attention agrees with the composed form, whose gradient multiplies unrounded gradients", async () => {
    const [qkv, dy] = [draw([2, 65, 3 * 36], "qkv"), draw([2, 65, 36], "dy")];
    const mix = (x: tf.Tensor): tf.Tensor => withPrecision("bfloat16", () => attention(x as tf.Tensor3D, 3));
    await expectSameComposed(() => [mix(qkv)], 2e-3);
    await expectSameComposed(() => [tf.grad(mix)(qkv, dy)], 4e-3);
  });
});
