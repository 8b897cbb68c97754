// What is left of the reference values on WebGL with 16-bit floats, which phones have; docs/guide/browser.md says these bounds.
import { compareTo } from "@sitjs/core/testing";
import { crossViewNtXentLoss, ntXentLoss, scoreInfoNceLoss } from "@sitjs/losses";
import { visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { gradients } from "../fixtures/expect.js";
import { loadFixture } from "../fixtures/load.js";
import { toImages, toTensor, toTensors } from "../fixtures/tensors.js";
import "./engines.js";

const relative = (value: tf.Scalar, expected: number): number =>
  Math.abs((value.dataSync()[0] as number) / expected - 1);

describe("16-bit floats", () => {
  it("are what the backend computes in", () => {
    // 1 and the next number that they have are 0.001 apart. Small tensors would be added on the processor.
    expect(tf.add(tf.ones([1024]), 1e-4).dataSync()[0]).toBe(1);
  });

  it("give a network's tokens to 1 % of the largest", async () => {
    const fixture = loadFixture("vit_forward");
    const vit = visionTransformer({ imageSize: 32, patchSize: 8, width: 32, depth: 3, heads: 4 });
    const params = toTensors(fixture.parameters());
    const { tokens } = vit.apply(params, toImages(fixture.entry("in/x")), { train: false });
    const { relativeToMax } = await compareTo(tokens, fixture.entry("out/tokens"));
    expect(relativeToMax).toBeLessThan(0.01);
  });

  it("give contrastive losses to 0.1 %, and finite gradients", () => {
    const cross = loadFixture("loss_simclr_cross");
    const [student, teacher] = ["in/student", "in/teacher"].map(
      (name) => toTensor(cross.entry(name)) as tf.Tensor2D,
    );
    const both = crossViewNtXentLoss(student as tf.Tensor2D, teacher as tf.Tensor2D, 0.2);
    expect(relative(both, cross.scalar("out/T0.2/loss"))).toBeLessThan(1e-3);

    const plain = loadFixture("loss_ntxent_2n");
    const views = tf.concat(["in/a", "in/b"].map((name) => toTensor(plain.entry(name)))) as tf.Tensor2D;
    const loss = (at: Record<string, tf.Tensor>) => ntXentLoss(at.views as tf.Tensor2D, 0.2);
    expect(relative(loss({ views }), plain.scalar("out/T0.2/loss"))).toBeLessThan(1e-3);
    const { views: gradient } = gradients(loss, { views });
    expect((gradient as tf.Tensor).dataSync().every(Number.isFinite)).toBe(true);

    // Scores that are all equal: log(1 + (batch - 1) x locations).
    expect(relative(scoreInfoNceLoss(tf.ones([4, 4, 5])), Math.log(16))).toBeLessThan(1e-3);
  });
});
