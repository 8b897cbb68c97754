import { isBuffer, type Params, param, pick, randomStream, type SafetensorsEntry } from "@sitjs/core";
import { compareTo } from "@sitjs/core/testing";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { type Fixture, loadFixture } from "../../../../fixtures/load.js";
import { firstPosition } from "../../test/first-position.js";
import { type Config, methodOf, recorded, stateOf, stepOf, trajectoryOf } from "../../test/sit-fixture.js";
import { adamW, clip } from "../optimizer.js";
import { disposeState, lossAndGradients, trainStep } from "../step.js";

/** How far PyTorch's own float32 run was from the stored float64 value. */
function float32Noise(fixture: Fixture, name: string): number {
  const tensors = fixture.json.tensors as Record<string, { f32_run_max_abs_diff?: number }>;
  return tensors[name]?.f32_run_max_abs_diff ?? 0;
}

/** True where the gradient is zero in exact arithmetic, so that Adam follows rounding noise. */
function undetermined(fixture: Fixture, name: string, index: number): boolean {
  const biases = fixture.json.zero_gradient_parameters as string[];
  const slices = fixture.json.zero_gradient_slices as Record<string, [number, number]>;
  if (biases.includes(name)) return true;
  const slice = slices[name];
  return slice !== undefined && index >= slice[0] && index < slice[1];
}

/** Compares all parameters; buffers and undetermined elements by their own bounds. */
async function expectParams(
  fixture: Fixture,
  actual: Params,
  expected: Record<string, SafetensorsEntry>,
  bounds: { usual: number; most: number; undetermined: number },
): Promise<void> {
  let [elements, beyond] = [0, 0];
  for (const [name, tensor] of Object.entries(actual)) {
    const entry = expected[name] as SafetensorsEntry;
    expect(entry, name).toBeDefined();
    expect(tensor.shape.join(), name).toBe(entry.shape.join());
    const values = await tensor.data();
    // A drifting bias in front of a batch norm shifts its running mean.
    const drifts = name.endsWith("running_mean");
    for (let i = 0; i < values.length; i++) {
      const difference = Math.abs((values[i] as number) - Number(entry.data[i]));
      if (drifts || undetermined(fixture, name, i)) {
        expect(difference, `${name}[${i}]`).toBeLessThanOrEqual(bounds.undetermined);
        continue;
      }
      elements++;
      if (difference > bounds.usual) beyond++;
      expect(difference, `${name}[${i}]`).toBeLessThanOrEqual(
        name.endsWith("running_var") ? Math.max(bounds.most, 1e-5) : bounds.most,
      );
    }
  }
  expect(elements).toBeGreaterThan(10_000);
  expect(beyond / elements).toBeLessThanOrEqual(0.001);
}

for (const engine of await engines({ cpu: true, plain: true })) {
  describe(`SiT on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("one step: losses, every gradient, clipping, AdamW and teacher (fixture sit_step)", async () => {
      const fixture = loadFixture("sit_step");
      const { config, method, views, state } = stepOf(fixture);
      const rng = randomStream(0, "test");

      const trained = pick(state.student, (name) => !isBuffer(name));
      const prepared = method.prepare({ views, ...state, rng, position: firstPosition });
      const { gradients, output } = lossAndGradients(trained, state.student, prepared.loss);
      for (const [name, tensor, key] of [
        ["loss", output.loss, "out/loss"],
        ["reconstruction", output.parts.reconstruction, "out/r_loss"],
        ["contrast", output.parts.contrast, "out/c_loss"],
      ] as const) {
        const expected = fixture.scalar(key);
        expect(
          Math.abs(((tensor as tf.Tensor).dataSync()[0] as number) - expected) / expected,
          name,
        ).toBeLessThan(1e-5);
      }
      const expectedGradients = fixture.under("grad/");
      expect(Object.keys(gradients).sort()).toEqual(Object.keys(expectedGradients).sort());
      for (const [name, gradient] of Object.entries(gradients)) {
        const entry = expectedGradients[name] as SafetensorsEntry;
        const result = await compareTo(gradient, entry);
        const largest = Array.from(entry.data, Number).reduce((a, b) => Math.max(a, Math.abs(b)), 0);
        expect(result.maxAbsolute, name).toBeLessThanOrEqual(Math.max(1e-4 * largest, 1e-6));
      }
      const layout = { names: Object.keys(gradients), shapes: [], sizes: [], total: 0 };
      const clipped = clip(gradients, layout, { perParameter: config.clip });
      for (const [name, entry] of Object.entries(fixture.under("grad_clipped/"))) {
        expect((await compareTo(param(clipped, name), entry)).relativeToMax, name).toBeLessThanOrEqual(1e-4);
      }

      const result = trainStep(
        method,
        adamW({ clipping: { perParameter: config.clip } }),
        state,
        { views, rng },
        {
          learningRate: config.lr,
          weightDecay: config.wd,
          momentum: config.momentum,
        },
      );
      await expectParams(fixture, result.state.student, fixture.under("student_after/"), {
        usual: 2e-6,
        most: 2 * config.lr,
        undetermined: 1.1 * config.lr,
      });
      const teacherBound = 1.1 * config.lr * (1 - config.momentum);
      await expectParams(fixture, result.state.teacher as Params, fixture.under("teacher_after/"), {
        usual: 1e-6,
        most: 1e-6,
        undetermined: Math.max(teacherBound, 1e-6),
      });
    });

    it("five steps with schedules (fixture sit_trajectory)", async () => {
      const fixture = loadFixture("sit_trajectory");
      const { metrics, state, rates } = trajectoryOf(fixture);
      expect(metrics).toHaveLength(5);
      for (const [step, made] of metrics.entries()) {
        for (const [name, key] of [
          ["loss", "out/loss"],
          ["reconstruction", "out/r_loss"],
          ["contrast", "out/c_loss"],
        ] as const) {
          const expected = Number(fixture.entry(key).data[step]);
          // XNNPACK's float32 sums are noisier than the others': ten times PyTorch's own float32 noise, as the
          // fixtures' README advises for other float32 implementations.
          const noise = engine.name === "wasm" ? 10 * float32Noise(fixture, key) : 0;
          expect(Math.abs((made[name] as number) - expected), `${name} at step ${step}`).toBeLessThanOrEqual(
            Math.max(1e-5 * Math.abs(expected), noise),
          );
        }
      }
      await expectParams(fixture, state.student, fixture.under("student_final/"), {
        usual: 2e-5,
        most: 2 * rates,
        undetermined: 1.1 * rates,
      });
      await expectParams(fixture, state.teacher as Params, fixture.under("teacher_final/"), {
        usual: 1e-6,
        most: 2e-5,
        undetermined: 1.1 * rates,
      });
      disposeState(state);
    });

    it("leaves no tensor behind", () => {
      const fixture = loadFixture("sit_step");
      const config = fixture.json.config as unknown as Config;
      const [batch, size] = [config.batch, config.img];
      const ones = tf.ones([2 * batch, size, size, 3]) as tf.Tensor4D;
      const mask = tf.ones([2 * batch, size, size, 1]) as tf.Tensor4D;
      const method = methodOf(config, recorded(ones, mask, batch));
      const optimizer = adamW({ clipping: { perParameter: 3 } });
      const views = [0, 1].map(() => tf.randomNormal([batch, size, size, 3]) as tf.Tensor4D);
      let state = stateOf(fixture);
      const counts = [0, 1, 2].map((step) => {
        const settings = { learningRate: 1e-3, weightDecay: 0.05, momentum: 0.99 };
        const result = trainStep(method, optimizer, state, { views, rng: randomStream(0, step) }, settings);
        for (const value of Object.values(result.metrics)) value.dispose();
        state = result.state;
        return tf.memory().numTensors;
      });
      expect(counts[1]).toBe(counts[0]);
      expect(counts[2]).toBe(counts[0]);
    });
  });
}
