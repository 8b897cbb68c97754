import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { totalCost, watchOperations } from "./operation-times.mjs";

let clock = 0;
beforeEach(() => {
  vi.spyOn(performance, "now").mockImplementation(() => clock);
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** A backend with an addon as tfjs-node has one: what it exports cannot be written. */
function fakeBackend() {
  let tensors = 0;
  const made = (shape) => ({ id: tensors++, shape });
  const functions = {
    executeOp: (name, _, inputs) => {
      clock += name === "Slow" ? 20 : 1;
      if (name === "Fails") throw new Error("no such operation");
      return [made([inputs.length, 2])];
    },
    createTensor: (shape) => made(shape).id,
    deleteTensor: () => {},
    tensorDataSync: (id) => id,
  };
  const binding = {};
  for (const [name, value] of Object.entries(functions)) Object.defineProperty(binding, name, { value });
  return { binding };
}

describe("watched operations", () => {
  it("are counted and timed, the slowest first, and do what they did", async () => {
    const backend = fakeBackend();
    const watch = watchOperations(backend);
    const { operations, whole } = await watch.profile(async () => {
      expect(backend.binding.executeOp("Fast", [], [])[0].shape).toEqual([0, 2]);
      backend.binding.executeOp("Slow", [], []);
      backend.binding.executeOp("Fast", [], []);
      backend.binding.deleteTensor(0);
      clock += 1; // in no operation
    });
    expect(operations.map(({ name, calls }) => [name, calls])).toEqual([
      ["Slow", 1],
      ["Fast", 2],
      ["(free)", 1],
    ]);
    expect(operations.map(({ milliseconds }) => milliseconds)).toEqual([20, 2, 0]);
    expect(totalCost(operations)).toMatchObject({ calls: 4, milliseconds: 22 });
    expect(whole.milliseconds).toBe(23);
  });

  it("are those of the profiled work alone, and know shapes from before it", async () => {
    const backend = fakeBackend();
    const watch = watchOperations(backend, { shapes: true });
    const image = backend.binding.createTensor([8, 3]);
    const [{ id }] = backend.binding.executeOp("Before", [], [image]);
    const { operations } = await watch.profile(async () => {
      backend.binding.executeOp("Add", [], [image, id]);
      backend.binding.executeOp("Many", [], Array(9).fill(image));
    });
    expect(operations.map(({ name }) => name).sort()).toEqual([
      "Add [8,3] [1,2]",
      "Many [8,3] [8,3] [8,3] [8,3] [8,3] and 4 more",
    ]);
  });

  it("pass errors on", async () => {
    const backend = fakeBackend();
    const watch = watchOperations(backend);
    const work = async () => backend.binding.executeOp("Fails", [], []);
    await expect(watch.profile(work)).rejects.toThrow(/no such operation/);
  });
});
