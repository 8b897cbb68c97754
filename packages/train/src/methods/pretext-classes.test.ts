// Rotation, relative position and jigsaw: the methods that tell classes of their own making.
import {
  disposeParams,
  type Params,
  randomStream,
  SitError,
  type TokenHead,
  withoutPrefix,
} from "@sitjs/core";
import { leakedTensors } from "@sitjs/core/testing";
import { crossEntropy } from "@sitjs/losses";
import { allRotations, jigsaw, jigsawPermutations, randomRotations, relativePosition } from "@sitjs/masking";
import { perceptronHead, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { memoryLoader } from "../../test/memory-loader.js";
import { drawnParams, expectGradients, lossOf } from "../../test/method-values.js";
import { runAll, stateBits } from "../../test/runs.js";
import type { Method } from "../method.js";
import { disposeState } from "../step.js";
import type { ClassMethodOptions, MadeImages } from "./classification.js";
import { jigsawPuzzle } from "./jigsaw.js";
import { relativePositionPrediction } from "./relative-position.js";
import { rotationPrediction } from "./rotation.js";

const [size, patchSize, width, batch] = [28, 4, 16, 6];
const backbone = visionTransformer({ imageSize: size, patchSize, width, depth: 2, heads: 2 });
const permutations = jigsawPermutations(5);
type Draw = Parameters<typeof randomRotations>;

/** One of the methods, with what it draws and a plain head that fits. */
interface Task {
  readonly name: string;
  readonly classes: number;
  /** Images that stand for one label. */
  readonly members: number;
  /** What is drawn of the images: [samples, members, height, width, channels] in any rank. */
  readonly draw: (...of: Draw) => { readonly images: tf.Tensor; readonly labels: tf.Tensor1D };
  /** The method on other draws and another head. */
  readonly make: (
    options: Pick<ClassMethodOptions, "head"> & Partial<ClassMethodOptions>,
    draw: Task["draw"],
  ) => Method;
}

const tileTask =
  (factory: typeof jigsawPuzzle): Task["make"] =>
  (options, draw) =>
    factory({
      backbone,
      loss: crossEntropy(),
      ...options,
      tiles(images, rng) {
        const { images: tiles, labels } = draw(images, rng);
        return { tiles: tiles as tf.Tensor5D, labels };
      },
    });

const rotationTask = (
  rotate: (...of: Draw) => MadeImages,
): Pick<Task, "members" | "classes" | "draw" | "make"> => ({
  classes: 4,
  members: 1,
  draw: rotate,
  make: (options, draw) =>
    rotationPrediction({
      backbone,
      loss: crossEntropy(),
      ...options,
      rotate: (images, rng) => draw(images, rng) as MadeImages,
    }),
});

const tasks: Task[] = [
  { name: "rotation, all four", ...rotationTask(allRotations) },
  { name: "rotation, one of four", ...rotationTask(randomRotations) },
  {
    name: "relative position",
    classes: 8,
    members: 2,
    draw(images, rng) {
      const { tiles, labels } = relativePosition(images, { patchSize: 8, gap: 1, jitter: 1 }, rng);
      return { images: tiles, labels };
    },
    make: tileTask(relativePositionPrediction),
  },
  {
    name: "jigsaw",
    classes: permutations.length,
    members: 9,
    draw(images, rng) {
      const { tiles, labels } = jigsaw(images, { permutations, gap: 1 }, rng);
      return { images: tiles, labels };
    },
    make: tileTask(jigsawPuzzle),
  },
];

const headOf = ({ members, classes }: Task, hidden: readonly number[] = []) =>
  perceptronHead({ width: members * width, hidden, output: classes });

const pixels = () =>
  tf.tensor4d(randomStream(3).fillNormal(new Float32Array(batch * size * size * 3)), [batch, size, size, 3]);

/** The parameters, those named in `change` made anew from the old ones. */
function changed(params: Params, change: Readonly<Record<string, (old: tf.Tensor) => tf.Tensor>>): Params {
  return Object.fromEntries(Object.entries(params).map(([name, old]) => [name, change[name]?.(old) ?? old]));
}

for (const engine of await engines({ plain: true })) {
  describe(`made-up classes on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    describe.each(tasks)("$name", (task) => {
      const { classes, draw, members } = task;

      it("costs the logarithm of the classes where all are equally likely", () => {
        tf.tidy(() => {
          const method = task.make({ head: headOf(task) }, draw);
          const params = changed(method.init(randomStream(0)), {
            "head.0.weight": tf.zerosLike,
            "head.0.bias": (bias) => tf.fill(bias.shape, 3),
          });
          expect(lossOf(method, params, { views: [pixels()] }).loss).toBeCloseTo(Math.log(classes), 5);
        });
      });

      it("costs nothing where every class is told for sure, and its accuracy is 1", () => {
        tf.tidy(() => {
          let labels: tf.Tensor1D | undefined;
          const knowing: TokenHead = {
            name: "knowing",
            init: () => ({}),
            apply: (_params, x) => {
              const output = tf.mul(tf.oneHot(labels as tf.Tensor1D, classes), 50) as tf.Tensor2D;
              expect(x.shape).toEqual([output.shape[0], members * width]);
              return { output, buffers: {} };
            },
          };
          const method = task.make({ head: knowing }, (images, rng) => {
            const made = draw(images, rng);
            labels = made.labels;
            return made;
          });
          const told = lossOf(method, method.init(randomStream(0)), { views: [pixels()] });
          expect(told.loss).toBeLessThan(1e-6);
          expect(told.accuracy).toBe(1);
        });
      });

      it("is the same with classes and outputs in another order", () => {
        tf.tidy(() => {
          const order = Array.from({ length: classes }, (_, i) => (i + 1) % classes); // class i becomes order[i]
          const rows = order.map((_, to) => order.indexOf(to)); // row `to` of the new head is this one of the old
          const moved: Task["draw"] = (images, rng) => {
            const made = draw(images, rng);
            return { ...made, labels: tf.gather(tf.tensor1d(order, "int32"), made.labels) as tf.Tensor1D };
          };
          const head = headOf(task);
          const params = drawnParams(task.make({ head }, draw));
          const reordered = (old: tf.Tensor) => tf.gather(old, tf.tensor1d(rows, "int32"));
          const views = [pixels()];
          const before = lossOf(task.make({ head }, draw), params, { views });
          const swapped = changed(params, { "head.0.weight": reordered, "head.0.bias": reordered });
          const after = lossOf(task.make({ head }, moved), swapped, { views });
          expect(after.loss).toBeCloseTo(before.loss as number, 5);
          expect(after.accuracy).toBe(before.accuracy);
          const wrong = lossOf(task.make({ head }, moved), params, { views });
          expect(Math.abs((wrong.loss as number) - (before.loss as number))).toBeGreaterThan(1e-3);
        });
      });

      it("sends each image through the backbone by itself, then all of a sample into the head", () => {
        tf.tidy(() => {
          const still = visionTransformer({
            imageSize: size,
            patchSize,
            width,
            depth: 2,
            heads: 2,
            dropPath: 0,
          });
          const head = headOf(task);
          let made: ReturnType<Task["draw"]> | undefined;
          const method = task.make({ head, backbone: still }, (images, rng) => {
            made = draw(images, rng);
            tf.keep(made.images); // for the comparison below
            tf.keep(made.labels);
            return made;
          });
          const params = drawnParams(method);
          const { loss } = lossOf(method, params, { views: [pixels()] });
          const { images, labels } = made as ReturnType<Task["draw"]>;
          const [height = 0, across = 0] = images.shape.slice(-3);
          const all = tf.reshape(images, [labels.size, members, height, across, 3]);
          const features = Array.from({ length: members }, (_, member) => {
            const one = tf.reshape(tf.slice(all, [0, member], [-1, 1]), [-1, height, across, 3]);
            const { tokens } = still.apply(withoutPrefix("backbone.", params), one as tf.Tensor4D, {
              train: false,
            });
            return tf.reshape(tf.slice(tokens, [0, 0, 0], [-1, 1, -1]), [labels.size, width]);
          });
          const joined = tf.concat(features, 1) as tf.Tensor2D;
          const { output } = head.apply(withoutPrefix("head.", params), joined, { train: true });
          const expected = crossEntropy().loss(output, labels).dataSync()[0] as number;
          tf.dispose([images, labels]);
          expect(Math.abs((loss as number) - expected)).toBeLessThan(1e-5 * expected);
        });
      });

      it("has the gradient that central differences have, in every module", async () => {
        const small = visionTransformer({
          imageSize: size,
          patchSize,
          width,
          depth: 1,
          heads: 2,
          dropPath: 0,
        });
        const method = task.make({ head: headOf(task, [8]), backbone: small }, draw);
        const views = [pixels()];
        await expectGradients(method, { views }, [
          "backbone.cls_token",
          "backbone.pos_embed",
          "backbone.patch_embed.proj.weight",
          "backbone.blocks.0.attn.qkv.weight",
          "backbone.blocks.0.mlp.fc2.weight",
          "backbone.norm.weight",
          "head.0.weight",
          "head.1.bias",
        ]);
        tf.dispose(views);
      });

      it("trains, to the same bits for the same seed, and leaves nothing behind", async () => {
        const method = task.make({ head: headOf(task, [8]) }, draw);
        const source = memoryLoader({ images: 8, batchSize: 4, views: 1, size });
        const runs: unknown[] = [];
        const options = { steps: 3, seed: 4, learningRate: 0.02 };
        const leaked = await leakedTensors(async () => {
          for (const seed of [4, 4, 5]) {
            const { reports, state } = await runAll({ ...options, seed }, source, method);
            for (const { metrics } of reports) {
              expect(Object.keys(metrics).sort()).toEqual(["accuracy", "loss"]);
              expect(metrics.accuracy).toBeGreaterThanOrEqual(0);
              expect(metrics.accuracy).toBeLessThanOrEqual(1);
            }
            runs.push(stateBits(state));
            disposeState(state);
          }
        });
        expect(leaked).toBe(0);
        expect(runs[1]).toEqual(runs[0]);
        expect(runs[2]).not.toEqual(runs[0]);
      });

      it("refuses a head with fewer outputs than classes, or of another width", () => {
        tf.tidy(() => {
          const views = [pixels()];
          const one = task.make({ head: perceptronHead({ width: members * width, output: 1 }) }, draw);
          const few = () => lossOf(one, one.init(randomStream(0)), { views });
          expect(few).toThrow(SitError);
          expect(few).toThrow(/head: expected an output for each class, so at least \d, got 1/);
          const narrow = task.make({ head: perceptronHead({ width: 5, output: classes }) }, draw);
          expect(() => lossOf(narrow, narrow.init(randomStream(0)), { views })).toThrow(
            /x: expected .*5\], got/,
          );
        });
      });
    });

    it("refuses tiles that the patches do not divide, and says what to change", () => {
      tf.tidy(() => {
        const head = perceptronHead({ width: 9 * width, output: 5 });
        const puzzle = jigsawPuzzle({
          backbone,
          head,
          loss: crossEntropy(),
          tiles: (images, rng) => jigsaw(images, { permutations, gap: 2 }, rng),
        });
        const solve = () => lossOf(puzzle, {}, { views: [pixels()] });
        expect(solve).toThrow(
          "jigsaw: expected tiles whose sides are multiples of the patch size 4, got 7 x 7",
        );
        const mend = (work: () => void) => {
          try {
            work();
          } catch (error) {
            return (error as SitError).mend;
          }
          return undefined;
        };
        expect(mend(solve)).toMatch(/Change the gap/);
        const pairs = relativePositionPrediction({
          backbone,
          head,
          loss: crossEntropy(),
          tiles: (images, rng) => relativePosition(images, { patchSize: 6, gap: 1, jitter: 1 }, rng),
        });
        expect(mend(() => lossOf(pairs, {}, { views: [pixels()] }))).toMatch(/Change the patchSize/);
      });
    });

    it("refuses to turn images that are not square", () => {
      tf.tidy(() => {
        const method = (tasks[0] as Task).make({ head: headOf(tasks[0] as Task) }, allRotations);
        const params = method.init(randomStream(0));
        const views = [tf.ones([2, 28, 24, 3]) as tf.Tensor4D];
        expect(() => lossOf(method, params, { views })).toThrow(
          /expected square ones for quarter turns, got 28 x 24/,
        );
        disposeParams(params);
      });
    });
  });
}
