import * as tf from "@tensorflow/tfjs";
import { SitError } from "../errors.js";
import { normalOfWord } from "../normal-quantile.js";
import { fillPhilox, type PhiloxKey } from "../philox.js";
import type { RandomStream } from "../random.js";
import { hasKernel, runKernel } from "./backend.js";

/**
 * Uniform draws in [0, 1), multiples of 2^-24, by a counter-based generator (Philox4x32-10): the same bits on every
 * engine. Draws a key of 64 bits from the stream, so that the next call with it gives other numbers.
 *
 * @param stream one for all, or a list with one for each part of the first axis: then a part's numbers do not depend
 * on what other parts there are
 * @returns float32
 * @throws SitError "bad-shape" where sides are no whole numbers or the list has not one stream for each part
 */
export function randomUniform(
  shape: readonly number[],
  stream: RandomStream | readonly RandomStream[],
): tf.Tensor {
  return draw("randomUniform", shape, stream, false);
}

/** Standard normal draws, at most 6.4 deviations from 0, by the quantile of 32 bits; otherwise as `randomUniform`. */
export function randomNormal(
  shape: readonly number[],
  stream: RandomStream | readonly RandomStream[],
): tf.Tensor {
  return draw("randomNormal", shape, stream, true);
}

function draw(
  what: string,
  shape: readonly number[],
  stream: RandomStream | readonly RandomStream[],
  normal: boolean,
): tf.Tensor {
  if (!shape.every((side) => Number.isInteger(side) && side >= 0 && side < 2147483648)) {
    throw new SitError(
      "bad-shape",
      `${what}: expected whole sides from 0 to 2^31 - 1, got [${shape.join(", ")}]`,
    );
  }
  const each = !("uniform" in stream);
  if (each && stream.length !== shape[0]) {
    throw new SitError(
      "bad-shape",
      `${what}: expected a stream for each part of the first axis, got ${stream.length} streams for [${shape.join(", ")}]`,
    );
  }
  const keys = (each ? stream : [stream]).map(drawKey);
  if (hasKernel("SitRandom")) {
    return tf.tidy(() => {
      const inputs = {
        keys: tf.tensor2d(Int32Array.from(keys.flat()), [keys.length, 2], "int32"),
        shape: tf.tensor1d(Int32Array.from(shape), "int32"),
      };
      return runKernel("SitRandom", inputs, { normal })[0] as tf.Tensor;
    });
  }
  const values = new Float32Array(shape.reduce((product, side) => product * side, 1));
  const size = keys.length === 0 ? 0 : values.length / keys.length;
  const words = new Uint32Array(size);
  for (const [i, key] of keys.entries()) {
    fillPhilox(key, words);
    const part = values.subarray(i * size, (i + 1) * size);
    for (let j = 0; j < size; j++) {
      const word = words[j] as number;
      part[j] = normal ? normalOfWord(word) : (word >>> 8) / 16777216;
    }
  }
  return tf.tensor(values, [...shape], "float32");
}

function drawKey(stream: RandomStream): PhiloxKey {
  return [stream.integer(0, 4294967296) | 0, stream.integer(0, 4294967296) | 0];
}
