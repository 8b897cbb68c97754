import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { SitError } from "./errors.js";
import {
  applyRules,
  cloneParams,
  countElements,
  disposeParams,
  flatLayout,
  flatten,
  isBuffer,
  param,
  pick,
  trainable,
  unflatten,
  withoutPrefix,
  withPrefix,
} from "./index.js";
import { truncatedNormal, uniformTensor } from "./init.js";
import type { Params } from "./module.js";
import { randomStream } from "./random.js";

beforeAll(async () => {
  await tf.setBackend("cpu");
});

describe("params", () => {
  let params: Params;
  beforeEach(() => {
    params = {
      "fc.weight": tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]),
      "fc.bias": tf.tensor1d([7, 8]),
      "bn.running_mean": tf.zeros([2]),
      "bn.num_batches_tracked": tf.scalar(3, "int32"),
    };
  });
  afterEach(() => {
    disposeParams(params);
    expect(tf.memory().numTensors).toBe(0);
  });

  it("knows buffers by the last part of the name only", () => {
    expect(Object.keys(trainable(params))).toEqual(["fc.weight", "fc.bias"]);
    expect(isBuffer("running_var")).toBe(true);
    expect(isBuffer("a.running_var.weight")).toBe(false);
    expect(isBuffer("not_running_mean")).toBe(false);
  });

  it("picks, puts prefixes on and takes them off, sharing tensors", () => {
    const prefixed = withPrefix("head.", params);
    expect(Object.keys(prefixed)[0]).toBe("head.fc.weight");
    expect(withoutPrefix("head.", { ...prefixed, "headless.x": params["fc.bias"] as tf.Tensor })).toEqual(
      params,
    );
    expect(pick(params, (name) => name === "fc.bias")["fc.bias"]).toBe(params["fc.bias"]);
    expect(countElements(params)).toBe(6 + 2 + 2 + 1);
  });

  it("clones into tensors of their own", async () => {
    const copy = cloneParams(params);
    expect(copy["fc.bias"]).not.toBe(params["fc.bias"]);
    disposeParams(copy);
    expect([...(await (params["fc.bias"] as tf.Tensor).data())]).toEqual([7, 8]);
  });

  it("names what is missing and what is there", () => {
    expect(param(params, "fc.bias").shape).toEqual([2]);
    expect(() => param(params, "fc.wieght")).toThrow(
      /fc\.wieght: expected it, got only fc\.weight, fc\.bias/,
    );
    expect(() => param({}, "x")).toThrow(SitError);
  });

  it("gives every parameter the value of its first rule and refuses uncovered ones", () => {
    const vectors = {
      covers: "vectors",
      matches: (_: string, s: readonly number[]) => s.length < 2,
      value: 0,
    };
    const weights = { covers: "weights", matches: (name: string) => name.endsWith("weight"), value: 0.05 };
    const all = { covers: "the rest", matches: () => true, value: 1 };
    const settings = applyRules(trainable(params), [vectors, weights, all]);
    expect([...settings]).toEqual([
      ["fc.weight", 0.05],
      ["fc.bias", 0],
    ]);
    expect(() => applyRules(params, [weights])).toThrow(
      /covered by one of \[weights\], not covered: fc\.bias, bn\.running_mean, bn\.num_batches_tracked/,
    );
    expect(() => applyRules(params, [])).toThrow(SitError);
    expect(applyRules({}, []).size).toBe(0);
  });

  it("flattens to one vector and back", async () => {
    const weights = trainable(params);
    const layout = flatLayout(weights);
    expect(layout).toEqual({
      names: ["fc.weight", "fc.bias"],
      shapes: [[2, 3], [2]],
      sizes: [6, 2],
      total: 8,
    });
    const before = tf.memory().numTensors;
    const vector = flatten(weights, layout);
    expect([...(await vector.data())]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const back = unflatten(vector, layout);
    expect(back["fc.weight"]?.shape).toEqual([2, 3]);
    expect([...(await (back["fc.bias"] as tf.Tensor).data())]).toEqual([7, 8]);
    expect(tf.memory().numTensors).toBe(before + 3);
    tf.dispose([vector, ...Object.values(back)]);
    const { "fc.bias": _, ...less } = weights;
    expect(() => flatten(less, layout)).toThrow(SitError);
  });
});

describe("initial values", () => {
  it("are the same for the same stream and have the moments they say", async () => {
    const make = () => truncatedNormal(randomStream(0, "w"), [100, 100]);
    const [first, second] = [Array.from(await make().data()), Array.from(await make().data())];
    expect(first).toEqual(second);
    const mean = first.reduce((sum, value) => sum + value, 0) / 1e4;
    const deviation = Math.sqrt(first.reduce((sum, value) => sum + value ** 2, 0) / 1e4 - mean ** 2);
    expect(Math.abs(mean)).toBeLessThan((5 * 0.02) / 100);
    expect(Math.abs(deviation - 0.02)).toBeLessThan((5 * 0.02) / Math.sqrt(2e4));
    const uniform = Array.from(await uniformTensor(randomStream(0, "u"), [100, 100], 0.5).data());
    expect(Math.max(...uniform)).toBeLessThanOrEqual(0.5);
    expect(Math.min(...uniform)).toBeGreaterThanOrEqual(-0.5);
    const square = uniform.reduce((sum, value) => sum + value ** 2, 0) / 1e4;
    expect(Math.abs(square - 1 / 12)).toBeLessThan((5 * Math.sqrt(1 / 180)) / 100);
  });

  it.each([0, -1, 0.31, Number.NaN])("refuse a deviation of %d, for which ±2 would cut", (deviation) => {
    expect(() => truncatedNormal(randomStream(0), [2], deviation)).toThrow(
      /deviation: expected .* at most 0.3/,
    );
  });
});
