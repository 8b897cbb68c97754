import { applyRules, disposeParams, type Params, randomStream, SitError, withPrefix } from "@sitjs/core";
import { closeness, leakedTensors } from "@sitjs/core/testing";
import { classifierHead, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import {
  adamW,
  type GradientClipping,
  gradientNorms,
  layerDecayRules,
  matrixDecayRules,
} from "./optimizer.js";

/** AdamW by the paper's formula in float64, with PyTorch's clipping (norm + 1e-6). */
function naiveAdamW(
  start: Record<string, number[]>,
  gradients: Record<string, number[]>[],
  options: {
    rates: number[];
    decays: number[];
    decayed: string[];
    clipping?: GradientClipping;
    frozen?: Record<string, number>;
  },
): Record<string, number[]> {
  const { rates, decays, decayed, clipping, frozen = {} } = options;
  const params = structuredClone(start);
  const zeros = () => Object.fromEntries(Object.entries(start).map(([name, p]) => [name, p.map(() => 0)]));
  const [first, second] = [zeros(), zeros()];
  const norm = (values: number[]) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  gradients.forEach((gradient, t) => {
    const all = norm(Object.values(gradient).flat());
    for (const [name, p] of Object.entries(params)) {
      // A parameter is frozen for so many steps, and counts its own from there.
      const own = t - (frozen[name] ?? 0);
      if (own < 0) continue;
      const g = gradient[name] as number[];
      let factor = 1;
      if (clipping && "global" in clipping) factor = Math.min(1, clipping.global / (all + 1e-6));
      if (clipping && "perParameter" in clipping)
        factor = Math.min(1, clipping.perParameter / (norm(g) + 1e-6));
      const [m, v] = [first[name] as number[], second[name] as number[]];
      const [rate, decay] = [rates[t] as number, decayed.includes(name) ? (decays[t] as number) : 0];
      for (let i = 0; i < p.length; i++) {
        const clipped = (g[i] as number) * factor;
        m[i] = 0.9 * (m[i] as number) + 0.1 * clipped;
        v[i] = 0.999 * (v[i] as number) + 0.001 * clipped ** 2;
        const corrected = (m[i] as number) / (1 - 0.9 ** (own + 1));
        const root = Math.sqrt((v[i] as number) / (1 - 0.999 ** (own + 1)));
        p[i] = (p[i] as number) * (1 - rate * decay) - (rate * corrected) / (root + 1e-8);
      }
    }
  });
  return params;
}

const shapes: Record<string, number[]> = {
  cls_token: [1, 1, 4],
  "fc.weight": [3, 5],
  "fc.bias": [3],
  scale: [],
};
const size = (shape: number[]) => shape.reduce((product, side) => product * side, 1);

/** Values of each parameter, some gradients far larger than the others so that clipping changes proportions. */
function values(path: string, step: number): Record<string, number[]> {
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape], i) => {
      const rng = randomStream(3, path, step, name);
      return [name, Array.from({ length: size(shape) }, () => Math.fround(rng.normal() * 4 ** (i - 1)))];
    }),
  );
}

const tensors = (of: Record<string, number[]>): Params =>
  Object.fromEntries(
    Object.entries(of).map(([name, data]) => [name, tf.tensor(data, shapes[name], "float32")]),
  );

for (const engine of await engines({ cpu: true })) {
  describe(`AdamW on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    const start = values("start", 0);
    const gradients = [0, 1, 2, 3, 4].map((step) => values("gradient", step));
    const rates = [0, 1e-3, 5e-3, 2e-3, 1e-2];
    const decays = [0.04, 0.05, 0.2, 0.3, 0.1];

    it.each<[string, GradientClipping | undefined]>([
      ["no clipping", undefined],
      ["clipping per parameter", { perParameter: 3 }],
      ["global clipping", { global: 3 }],
    ])("is the float64 formula over five steps with changing rates: %s", (_, clipping) => {
      const optimizer = adamW({ clipping });
      let params = tensors(start);
      let state = optimizer.init(params);
      gradients.forEach((gradient, step) => {
        const settings = { learningRate: rates[step] as number, weightDecay: decays[step] as number };
        const given = tensors(gradient);
        const next = optimizer.update({ params, gradients: given, state, step, ...settings });
        for (const old of [params, state, given]) disposeParams(old);
        ({ params, state } = next);
      });
      // Decayed: more than one axis, the class token too. Not: bias and scalar.
      const decayed = ["cls_token", "fc.weight"];
      const expected = naiveAdamW(start, gradients, { rates, decays, decayed, clipping });
      expect(Object.keys(params)).toEqual(Object.keys(shapes));
      for (const [name, tensor] of Object.entries(params)) {
        expect(tensor.shape, name).toEqual(shapes[name]);
        const { excess } = closeness(tensor.dataSync(), expected[name] as number[], {
          absolute: 3e-7,
          relative: 1e-6,
        });
        expect(excess, name).toBeLessThanOrEqual(0);
      }
      disposeParams(params);
      disposeParams(state);
    });

    it("leaves a frozen parameter as it is, to the bit, and counts its steps from when it thaws", () => {
      const optimizer = adamW();
      const frozen: Record<string, number> = {
        "fc.weight": 2,
        scale: 4,
        cls_token: Number.POSITIVE_INFINITY,
      };
      const frozenSteps = (name: string) => frozen[name] ?? 0;
      const masked = gradients.map((gradient, step) =>
        Object.fromEntries(
          Object.entries(gradient).map(([name, g]) => [name, step < frozenSteps(name) ? g.map(() => 0) : g]),
        ),
      );
      let params = tensors(start);
      let state = optimizer.init(params);
      masked.forEach((gradient, step) => {
        const settings = { learningRate: rates[step] as number, weightDecay: decays[step] as number };
        const given = tensors(gradient);
        const next = optimizer.update({ params, gradients: given, state, step, frozenSteps, ...settings });
        for (const old of [params, state, given]) disposeParams(old);
        ({ params, state } = next);
        for (const name of Object.keys(frozen)) {
          const same = step < frozenSteps(name);
          if (same) expect(Array.from(params[name]?.dataSync() ?? []), name).toEqual(start[name]);
          else expect(Array.from(params[name]?.dataSync() ?? []), name).not.toEqual(start[name]);
        }
      });
      const decayed = ["cls_token", "fc.weight"];
      const expected = naiveAdamW(start, masked, { rates, decays, decayed, frozen });
      for (const [name, tensor] of Object.entries(params)) {
        const bounds = { absolute: 3e-7, relative: 1e-6 };
        expect(
          closeness(tensor.dataSync(), expected[name] as number[], bounds).excess,
          name,
        ).toBeLessThanOrEqual(0);
      }
      disposeParams(params);
      disposeParams(state);
    });

    it("takes the norm of each gradient, a large one too, and those given are used as they are", () => {
      const given = { ...values("gradient", 0), long: [] as number[] };
      const rng = randomStream(4);
      const all: Params = {
        ...tensors(values("gradient", 0)),
        // Longer than a thread's piece of work; its squares would lose digits in a float32 sum.
        long: tf.tensor1d(Array.from({ length: 50_000 }, () => Math.fround(1 + rng.uniform()))),
      };
      given.long = Array.from(all.long?.dataSync() ?? []);
      const norms = gradientNorms(all);
      const expected = Object.keys(all).map((name) =>
        Math.sqrt(
          (given[name as keyof typeof given] as number[]).reduce((sum, value) => sum + value * value, 0),
        ),
      );
      expect(closeness(norms.dataSync(), expected, { relative: 2e-6 }).excess).toBeLessThanOrEqual(0);
      disposeParams(all);
      norms.dispose();

      const [params, first] = [tensors(start), tensors(gradients[0] as Record<string, number[]>)];
      const clipping = { perParameter: 3 };
      const update = (more: object) => {
        const state = adamW().init(params);
        const settings = { learningRate: 1, weightDecay: 0, ...more };
        const next = adamW({ clipping }).update({ params, gradients: first, state, step: 0, ...settings });
        // What the gradient was multiplied with shows in the first moment.
        const moment = Array.from(next.state.first_moment?.dataSync() ?? []);
        for (const old of [state, next.params, next.state]) disposeParams(old);
        return moment;
      };
      const own = gradientNorms(first);
      expect(update({ norms: own })).toEqual(update({}));
      const doubled = tf.mul(own, 1e6) as tf.Tensor1D;
      expect(update({ norms: doubled })).not.toEqual(update({}));
      for (const tensor of [own, doubled]) tensor.dispose();
      disposeParams(params);
      disposeParams(first);
    });

    it("clipping by each or by all gives different results here, so that the cases above tell them apart", () => {
      const options = { rates, decays, decayed: [] };
      const one = naiveAdamW(start, gradients, { ...options, clipping: { perParameter: 3 } });
      const all = naiveAdamW(start, gradients, { ...options, clipping: { global: 3 } });
      expect(closeness(one["fc.bias"] as number[], all["fc.bias"] as number[]).maxAbsolute).toBeGreaterThan(
        1e-5,
      );
    });

    it("leaves frozen parameters as they are, to the bit, and gives the others their share of the rate", () => {
      const rules = [
        {
          covers: "frozen",
          matches: (name: string) => name === "fc.weight",
          value: { weightDecay: 1, learningRate: 0 },
        },
        {
          covers: "half",
          matches: (name: string) => name === "fc.bias",
          value: { weightDecay: 0, learningRate: 0.5 },
        },
        { covers: "rest", matches: () => true, value: { weightDecay: 0, learningRate: 1 } },
      ];
      const params = tensors(start);
      const optimizer = adamW({ rules });
      const state = optimizer.init(params);
      const gradient = tensors(gradients[0] as Record<string, number[]>);
      const next = optimizer.update({
        params,
        gradients: gradient,
        state,
        step: 0,
        learningRate: 0.01,
        weightDecay: 0.5,
      });
      expect(next.params["fc.weight"]?.dataSync()).toEqual(params["fc.weight"]?.dataSync());
      // Adam's first step is the rate itself, whatever the gradient's size.
      const moved = (name: string) =>
        Math.abs((params[name]?.dataSync()[0] as number) - (next.params[name]?.dataSync()[0] as number));
      expect(moved("fc.bias")).toBeCloseTo(0.005, 5);
      expect(moved("cls_token")).toBeCloseTo(0.01, 5);
      for (const used of [params, state, gradient, next.params, next.state]) disposeParams(used);
    });

    it("gives new tensors and leaves nothing else behind; what it was given lives on", async () => {
      const params = tensors(start);
      const gradient = tensors(gradients[0] as Record<string, number[]>);
      const optimizer = adamW({ clipping: { global: 1 } });
      const state = optimizer.init(params);
      const leaked = await leakedTensors(() => {
        const settings = { learningRate: 1e-3, weightDecay: 0.1 };
        const next = optimizer.update({ params, gradients: gradient, state, step: 0, ...settings });
        disposeParams(next.params);
        disposeParams(next.state);
      });
      expect(leaked).toBe(0);
      for (const used of [params, gradient, state]) disposeParams(used); // throws nothing: all were alive
      expect(() => (params.scale as tf.Tensor).dataSync()).toThrow(/disposed/);
    });

    it("names parameters that no rule covers", () => {
      const params = tensors(start);
      const state = adamW().init(params);
      const [matrices] = matrixDecayRules;
      const optimizer = adamW({ rules: matrices ? [matrices] : [] });
      const settings = { learningRate: 1e-3, weightDecay: 0.1 };
      const run = () => optimizer.update({ params, gradients: params, state, step: 0, ...settings });
      expect(run).toThrow(SitError);
      expect(run).toThrow(/not covered: fc\.bias, scale/);
      disposeParams(params);
      disposeParams(state);
    });
  });
}

describe("adamW's options", () => {
  it("refuses betas out of [0, 1)", () => {
    expect(() => adamW({ betas: [0.9, 1] })).toThrow(
      /betas: expected two numbers in \[0, 1\), got \[0\.9,1\]/,
    );
  });
});

describe("layer-wise decay of the learning rate", () => {
  const depth = 12;
  const vit = visionTransformer({ imageSize: 8, patchSize: 4, width: 8, depth, heads: 2 });
  const head = classifierHead({ kind: "two-layer", width: 8, classes: 3 });
  const params: Params = {
    ...withPrefix("backbone.", vit.init(randomStream(0, "backbone"))),
    ...withPrefix("classifier.", head.init(randomStream(0, "head"))),
  };
  const groups = applyRules(params, layerDecayRules({ depth, decay: 0.5, prefix: "backbone." }));

  it("covers every parameter, embeddings lowest, the head and the last norm whole (BEiT, MAE)", () => {
    expect([...groups.keys()]).toEqual(Object.keys(params));
    for (const [name, group] of groups) {
      const block = /^backbone\.blocks\.(\d+)\./.exec(name)?.[1];
      const embedding = /^backbone\.(cls_token|pos_embed|patch_embed)/.test(name);
      const layer = block !== undefined ? Number(block) + 1 : embedding ? 0 : depth + 1;
      expect(group.learningRate, name).toBe(0.5 ** (depth + 1 - layer));
      const rank = params[name]?.shape.length as number;
      expect(group.weightDecay, name).toBe(rank > 1 ? 1 : 0);
    }
    const rate = (name: string) => groups.get(name)?.learningRate;
    expect(rate("backbone.blocks.11.mlp.fc2.weight")).toBe(0.5);
    expect(rate("backbone.blocks.1.mlp.fc2.weight")).toBe(0.5 ** 11);
    expect(rate("backbone.norm.weight")).toBe(1);
    expect(rate("classifier.2.weight")).toBe(1);
  });

  it("is no decay at 1", () => {
    const whole = applyRules(params, layerDecayRules({ depth, decay: 1, prefix: "backbone." }));
    expect(new Set([...whole.values()].map(({ learningRate }) => learningRate))).toEqual(new Set([1]));
  });
});
