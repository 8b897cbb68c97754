import { disposeParams, type Params, SitError } from "@sitjs/core";
import { closeness, leakedTensors } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { loadFixture } from "../../../fixtures/load.js";
import { lars, type Optimizer, sgd } from "./index.js";

const fixture = loadFixture("protocols/protocols");
const settings = fixture.json.optimizer as Record<"steps" | "rate" | "momentum" | "decay" | "trust", number>;
const tensors = (prefix: string): Params =>
  Object.fromEntries(
    Object.entries(fixture.under(`optimizer/${prefix}/`)).map(([name, { data, shape }]) => [
      name,
      tf.tensor(Float32Array.from(data, Number), [...shape]),
    ]),
  );

/** The fixture's steps; all tensors but the result are disposed. */
function run(optimizer: Optimizer, frozenSteps?: (name: string) => number): Params {
  let params = tensors("start");
  let state = optimizer.init(params);
  for (let step = 0; step < settings.steps; step++) {
    const gradients = tensors(`gradient${step}`);
    const next = optimizer.update({
      params,
      gradients,
      state,
      step,
      learningRate: settings.rate,
      weightDecay: settings.decay,
      frozenSteps,
    });
    for (const old of [params, state, gradients]) disposeParams(old);
    ({ params, state } = next);
  }
  disposeParams(state);
  return params;
}

for (const engine of await engines()) {
  describe(`momentum optimizers on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it.each([
      ["sgd", sgd({ momentum: settings.momentum })],
      ["lars", lars({ momentum: settings.momentum, trust: settings.trust })],
    ])(
      "%s takes the steps of its reference, and leaves no tensors (fixture protocols)",
      async (name, optimizer) => {
        const leaked = await leakedTensors(() => {
          const params = run(optimizer);
          for (const [key, expected] of Object.entries(fixture.under(`optimizer/${name}/`))) {
            const error = closeness(params[key]?.dataSync() ?? [], Array.from(expected.data, Number), {
              relative: 1e-5,
            });
            expect(error.excess, key).toBeLessThanOrEqual(1e-6);
          }
          disposeParams(params);
        });
        expect(leaked).toBe(0);
      },
    );

    it("leaves a frozen parameter where it is, decay and momentum included", () => {
      const [start, params] = [tensors("start"), run(sgd(), (name) => (name === "weight" ? 4 : 0))];
      expect(params.weight?.dataSync()).toEqual(start.weight?.dataSync());
      expect(params.bias?.dataSync()).not.toEqual(start.bias?.dataSync());
      for (const all of [start, params]) disposeParams(all);
    });
  });
}

it.each([
  [() => sgd({ momentum: 1 }), "momentum: expected a number from 0 to below 1, got 1"],
  [() => lars({ trust: 0 }), "trust: expected a number above 0, got 0"],
])("wrong settings are refused", (make, message) => {
  expect(make).toThrow(SitError);
  expect(make).toThrow(message);
});
