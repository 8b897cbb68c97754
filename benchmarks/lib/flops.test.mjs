import { describe, expect, it } from "vitest";
import { workloads } from "../workloads.mjs";
import { backboneFlops, stepFlops } from "./flops.mjs";

describe("the count of operations", () => {
  it.each([
    // Multiply-adds in billions from table 5 of DeiT (Touvron et al. 2021) and timm's model cards, at 224 x 224.
    ["ViT-Ti/16", { width: 192 }, 1.26],
    ["ViT-S/16", { width: 384 }, 4.61],
    ["ViT-B/16", { width: 768 }, 17.58],
  ])("agrees with what is published for %s", (_, { width }, billions) => {
    const { total } = backboneFlops({ imageSize: 224, patchSize: 16, width, depth: 12 });
    expect(total / 2e9).toBeGreaterThan(0.99 * billions);
    expect(total / 2e9).toBeLessThan(1.01 * billions);
  });

  it("is what a walk over every product of a tiny SiT step counts", () => {
    const tiny = {
      ...workloads.C,
      batch: 2,
      imageSize: 4,
      patchSize: 2,
      width: 4,
      depth: 1,
      heads: 2,
      reconstructionHidden: 5,
      contrastHidden: 6,
      contrastOutput: 3,
    };
    const views = 4; // 2 images, 2 views
    const linear = (rows, inner, columns) => ({ forward: 2 * rows * inner * columns, inputGradient: true });
    // 4 patches of 12 values and the class token; heads of 2 features.
    const embedding = { ...linear(4, 12, 4), inputGradient: false };
    const attention = [0, 1].flatMap(() => [linear(5, 2, 5), linear(5, 5, 2)]);
    const block = [linear(5, 4, 12), ...attention, linear(5, 4, 4), linear(5, 4, 16), linear(5, 16, 4)];
    const projection = [linear(1, 4, 6), linear(1, 6, 6), linear(1, 6, 3)];
    const reconstruction = [linear(4, 4, 5), linear(4, 5, 5), linear(4, 5, 12)];
    const forward = (layers) => layers.reduce((sum, layer) => sum + layer.forward, 0);
    const backward = (layers) =>
      layers.reduce((sum, layer) => sum + (layer.inputGradient ? 2 : 1) * layer.forward, 0);
    const teacher = [embedding, ...block, ...projection];
    const student = [...teacher, ...reconstruction];
    // Each view's 2 embeddings against the other's 2; the teacher's gets no gradient.
    const similarities = 2 * 2 * (2 * 2 * 3 * 2);
    expect(stepFlops(tiny)).toBe(
      views * (forward(teacher) + forward(student) + backward(student)) + similarities,
    );
  });

  it("grows with the batch in proportion, the similarities apart", () => {
    for (const name of ["A", "B", "E"]) {
      const workload = workloads[name];
      expect(stepFlops({ ...workload, batch: 3 * workload.batch })).toBe(3 * stepFlops(workload));
    }
  });
});
