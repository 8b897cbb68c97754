// A fixture of a whole method: its loss and every gradient, through `prepare`.
import { type Params, randomStream, type SafetensorsEntry, trainable } from "@sitjs/core";
import type * as tf from "@tensorflow/tfjs";
import { expect } from "vitest";
import { expectGradient } from "../../../fixtures/expect.js";
import type { Fixture } from "../../../fixtures/load.js";
import { toTensors } from "../../../fixtures/tensors.js";
import type { Method } from "../src/method.js";
import { lossAndGradients } from "../src/step.js";
import { firstPosition } from "./first-position.js";

/** The entries by the method's names; those without one are left out. */
function renamed(
  entries: Record<string, SafetensorsEntry>,
  nameOf: (theirs: string) => string | undefined,
): Record<string, SafetensorsEntry> {
  return Object.fromEntries(
    Object.entries(entries).flatMap(([theirs, entry]) => {
      const name = nameOf(theirs);
      return name === undefined ? [] : [[name, entry]];
    }),
  );
}

export interface ExpectedStep {
  readonly method: Method;
  readonly views: readonly tf.Tensor4D[];
  readonly fixture: Fixture;
  /** The method's name of a fixture's parameter; undefined for what is none of the method's. */
  readonly nameOf: (theirs: string) => string | undefined;
  /** The fixture's name of the loss, relative to 1e-5 (1e-6 is PyTorch's own noise). */
  readonly loss: string;
  /** What the names of its gradients begin with. */
  readonly gradients: string;
}

/** Expects the fixture's parameters to be the method's, name by name and in shape; its loss; and all gradients. */
export async function expectFixtureStep(expected: ExpectedStep): Promise<void> {
  const { method, views, fixture, nameOf, loss, gradients: prefix } = expected;
  const theirs = renamed(fixture.parameters(), nameOf);
  const own = method.init(randomStream(0, "init"));
  expect(Object.keys(own).sort()).toEqual(Object.keys(theirs).sort());
  for (const [name, { shape }] of Object.entries(own)) expect(shape, name).toEqual(theirs[name]?.shape);

  const student: Params = toTensors(theirs);
  const rng = randomStream(0, "step");
  const prepared = method.prepare({ views, student, teacher: undefined, rng, position: firstPosition });
  const { gradients, output } = lossAndGradients(trainable(student), student, prepared.loss);
  const value = output.loss.dataSync()[0] as number;
  expect(Math.abs(value / fixture.scalar(loss) - 1), loss).toBeLessThan(1e-5);

  const wanted = Object.keys(fixture.under(prefix));
  expect(wanted.map(nameOf).sort()).toEqual(Object.keys(gradients).sort());
  for (const name of wanted) {
    await expectGradient(gradients[nameOf(name) as string] as tf.Tensor, fixture, prefix + name);
  }
}
