import { closeness, leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { SitError } from "../errors.js";
import { randomStream } from "../random.js";
import { attention, linear, linearGelu, type Precision, precisionInUse, withPrecision } from "./index.js";
import { roundToBfloat16 } from "./precision.js";

const draw = (shape: number[], name: string): tf.Tensor =>
  tf.tensor(
    randomStream(0, "precision", name).fillNormal(new Float32Array(shape.reduce((a, b) => a * b, 1))),
    shape,
  );

/** A float32 whose lower half is all zeros: 8 significant bits. */
const isBfloat16 = (values: Float32Array): boolean =>
  new Uint32Array(values.buffer, values.byteOffset, values.length).every((bits) => (bits & 0xffff) === 0);

describe("withPrecision", () => {
  it("holds within its work alone, nested too, and gives the result", () => {
    expect(precisionInUse()).toBe("float32");
    const seen = withPrecision("bfloat16", () => [
      precisionInUse(),
      withPrecision("float32", precisionInUse),
      precisionInUse(),
    ]);
    expect(seen).toEqual(["bfloat16", "float32", "bfloat16"]);
    expect(precisionInUse()).toBe("float32");
  });

  it("is over after an error", () => {
    const fail = (): never => {
      throw new Error("no");
    };
    expect(() => withPrecision("bfloat16", fail)).toThrow("no");
    expect(precisionInUse()).toBe("float32");
    withPrecision("bfloat16", () => {
      expect(() => withPrecision("float32", fail)).toThrow("no");
      expect(precisionInUse()).toBe("bfloat16");
    });
  });

  it("refuses work that returns a promise, and other precisions, without running anything in them", () => {
    const later = async (): Promise<Precision> => precisionInUse();
    expect(() => withPrecision("bfloat16", later)).toThrow(SitError);
    expect(() => withPrecision("bfloat16", later)).toThrow(/expected work that ends at once, got a promise/);
    expect(precisionInUse()).toBe("float32");
    let ran = false;
    const wrong = (): unknown =>
      withPrecision("float16" as Precision, () => {
        ran = true;
      });
    expect(wrong).toThrow(SitError);
    expect(wrong).toThrow(/precision.*"float32" or "bfloat16".*float16/);
    expect(ran).toBe(false);
  });
});

for (const engine of await engines({ cpu: true })) {
  describe(`bfloat16 on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("rounds to the nearest of 8 significant bits", async () => {
      const values = Float32Array.from({ length: 4000 }, (_, i) => {
        const rng = randomStream(1, "rounded", i);
        return rng.normal() * 2 ** rng.integer(-100, 100);
      });
      const rounded = Float32Array.from(await roundToBfloat16(tf.tensor1d(values)).data());
      expect(isBfloat16(rounded)).toBe(true);
      for (const [i, value] of values.entries()) {
        const exponent = Math.floor(Math.log2(Math.abs(value)));
        // Half of the distance between two neighbours, 2^(exponent - 7).
        expect(Math.abs((rounded[i] as number) - value)).toBeLessThanOrEqual(2 ** (exponent - 8));
      }
      const exact = [0, 1, -1.5, 2 ** 100, 255 / 256, 1 + 2 ** -7];
      expect([...(await roundToBfloat16(tf.tensor1d(exact)).data())]).toEqual(exact);
      // 2 ** -9 above a number is nearer to it than to the next; 3 times that is not.
      const near = [1 + 2 ** -9, 1 + 3 * 2 ** -9, -1 - 2 ** -9];
      expect([...(await roundToBfloat16(tf.tensor1d(near)).data())]).toEqual([1, 1 + 2 ** -7, -1]);
      expect(await leakedTensors(() => roundToBfloat16(tf.tensor1d(exact)).dispose())).toBe(1);
    });

    it("multiplies rounded operands, sums and adds the bias in float32, and gives a float32", async () => {
      const [x, weight, bias] = [draw([9, 40], "x"), draw([7, 40], "w"), draw([7], "b")];
      const rounded = linear(roundToBfloat16(x), roundToBfloat16(weight), bias);
      const y = withPrecision("bfloat16", () => linear(x, weight, bias));
      expect(y.dtype).toBe("float32");
      expect(closeness(await y.data(), await rounded.data()).relativeToMax).toBeLessThan(1e-6);
      expect(isBfloat16(Float32Array.from(await y.data()))).toBe(false);
      expect(closeness(await y.data(), await linear(x, weight, bias).data()).relativeToMax).toBeGreaterThan(
        1e-4,
      );
    });

    it("differentiates in it, too, when the gradient is asked for outside", async () => {
      const [x, weight, bias, dy] = [
        draw([9, 40], "x"),
        draw([7, 40], "w"),
        draw([7], "b"),
        draw([9, 7], "dy"),
      ];
      const f = (a: tf.Tensor, w: tf.Tensor, b: tf.Tensor): tf.Tensor =>
        withPrecision("bfloat16", () => linear(a, w, b));
      const [dx, dWeight, dBias] = tf.grads(f as (...given: tf.Tensor[]) => tf.Tensor)(
        [x, weight, bias],
        dy,
      ) as [tf.Tensor, tf.Tensor, tf.Tensor];
      const d = roundToBfloat16(dy);
      const wanted = [tf.matMul(d, roundToBfloat16(weight)), tf.matMul(d, roundToBfloat16(x), true)];
      for (const [i, gradient] of [dx, dWeight].entries()) {
        const { relativeToMax } = closeness(await gradient.data(), await (wanted[i] as tf.Tensor).data());
        expect(relativeToMax).toBeLessThan(1e-6);
      }
      // A sum, not a product: of dy as it is.
      expect(closeness(await dBias.data(), await tf.sum(dy, 0).data()).relativeToMax).toBeLessThan(1e-6);
    });

    it("leaves what is no product alone, and no tensor behind", async () => {
      const [x, weight] = [draw([2, 5, 12], "x"), draw([12, 12], "w")];
      const work = (): tf.Tensor =>
        withPrecision("bfloat16", () =>
          tf.tidy(() => linearGelu(attention(x as tf.Tensor3D, 2), tf.slice(weight, [0, 0], [8, 4]))),
        );
      const grad = tf.grad((given) => withPrecision("bfloat16", () => attention(given as tf.Tensor3D, 2)));
      expect(await leakedTensors(() => work().dispose())).toBe(0);
      expect(await leakedTensors(() => grad(x).dispose())).toBe(0);
      const relu = withPrecision("bfloat16", () => tf.relu(x));
      expect(await relu.data()).toEqual(await tf.relu(x).data());
    });
  });
}
