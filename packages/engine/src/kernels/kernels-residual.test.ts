import { closeness } from "@sitjs/core/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { expectClose, expectSameComposed, kernelsOf } from "../testing/kernel-checks.js";
import {
  type CaseOptions,
  computeLayer,
  type LayerCase,
  linearCase,
  linearSizes,
  perceptronCase,
  perceptronSizes,
} from "../testing/layer-cases.js";
import { registerKernels } from "./register.js";

// Only where the native engine is installed and its kernels were compiled.
const native = (await engines()).find(({ engine }) => engine.kernels.length > 0);

async function expectFloat64(layer: LayerCase): Promise<void> {
  const { plain, recorded, gradients } = computeLayer(layer);
  const [y, ...wanted] = await layer.reference();
  await expectClose(plain, y as Float64Array, 3e-6);
  await expectClose(recorded, await plain.data(), 0);
  expect(gradients.length).toBe(wanted.length);
  for (const [i, gradient] of gradients.entries()) {
    expect(gradient.shape, layer.names[i]).toEqual(layer.inputs[i]?.shape);
    await expectClose(gradient, wanted[i] as Float64Array, 5e-6);
  }
}

/** As float64, NaN for NaN and infinity for infinity; gives how many finite numbers value and gradients have. */
async function expectOddNumbersPass(layer: LayerCase): Promise<Record<string, number>> {
  const { plain, gradients } = computeLayer(layer);
  const wanted = await layer.reference();
  const finite: Record<string, number> = {};
  for (const [i, tensor] of [plain, ...gradients].entries()) {
    const name = i === 0 ? "y" : (layer.names[i - 1] as string);
    const values = await tensor.data();
    const near = { absolute: 1e-4, relative: 1e-5 };
    expect(closeness(values, wanted[i] as Float64Array, near).excess, name).toBeLessThanOrEqual(0);
    finite[name] = [...values].filter(Number.isFinite).length;
  }
  return finite;
}

const layers: Record<string, (options: CaseOptions) => LayerCase> = {
  linearResidual: (options) => linearCase("linearResidual", [4, 5, 19, 21], options),
  perceptronResidual: (options) => perceptronCase([4, 5, 19, 33, 21], options),
};

describe.skipIf(native === undefined)("fused layers with a residual, float32", () => {
  beforeEach(async () => {
    await native?.use();
    registerKernels();
  });

  it.each(linearSizes)(
    "linearResidual is the float64 formula with its gradients: batch %i, tokens %i, in %i, out %i",
    async (...size) => {
      await expectFloat64(linearCase("linearResidual", size));
      await expectFloat64(linearCase("linearResidual", size, { scale: true }));
      await expectFloat64(linearCase("linearResidual", size, { scale: true, bias: false }));
    },
  );

  it.each(perceptronSizes)(
    "perceptronResidual is the float64 formula with its gradients: batch %i, tokens %i, in %i, hidden %i, out %i",
    async (...size) => {
      await expectFloat64(perceptronCase(size));
      await expectFloat64(perceptronCase(size, { scale: true }));
    },
  );

  describe.each(Object.entries(layers))("%s", (name, layer) => {
    it.each([false, true])("is the composed form, too; scale %s", async (scale) => {
      await expectSameComposed(() => {
        const { plain, recorded, gradients } = computeLayer(layer({ scale }));
        return [plain, recorded, ...gradients];
      }, 3e-6);
    });

    it.each([1e-18, 1e-3, 1e12])("keeps magnitudes of %d", async (magnitude) => {
      await expectFloat64(layer({ magnitude, scale: true }));
    });

    it("is computed by its own kernels", () => {
      const kernel = name === "linearResidual" ? "SitLinear" : "SitPerceptron";
      const { run, inputs, dy } = layer({});
      expect(kernelsOf(() => run(...inputs))).toEqual([kernel]);
      expect(kernelsOf(() => computeLayer({ ...layer({}), run, inputs, dy }))).toEqual([
        kernel,
        kernel,
        `${kernel}Grad`,
      ]);
    });

    // Row 7 of 20 is of sample 1, whose share is 0: NaN x 0 is NaN there too.
    it.each([7, 11])(
      "keeps a NaN in row %i to that row, and shows it in what is summed over rows",
      async (row) => {
        const finite = await expectOddNumbersPass(layer({ odd: [row * 19 + 4, Number.NaN], scale: true }));
        const of =
          name === "linearResidual"
            ? { y: 19 * 21, x: 20 * 19, weight: 21 * 18, bias: 21, onto: 20 * 21 }
            : // Every hidden value of that row is NaN, and so is the gradient of everything it meets.
              { y: 19 * 21, x: 19 * 19, weight1: 0, bias1: 0, weight2: 0, bias2: 21, onto: 20 * 21 };
        expect(finite).toEqual(of);
      },
    );

    it.each([1, -1])("keeps an infinity to its row: %d", async (sign) => {
      const finite = await expectOddNumbersPass(layer({ odd: [11 * 19 + 4, sign / 0] }));
      expect(finite.y).toBe(19 * 21);
      expect(finite.onto).toBe(20 * 21);
    });
  });
});
