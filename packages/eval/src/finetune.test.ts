import {
  type ClassificationLoss,
  type ClassifierHead,
  cloneParams,
  disposeParams,
  type Params,
  randomStream,
  SitError,
} from "@sitjs/core";
import { closeness, leakedTensors } from "@sitjs/core/testing";
import { balancedSubset, fashionMnist } from "@sitjs/data";
import { crossEntropy } from "@sitjs/losses";
import type { Checkpoint, CheckpointStore } from "@sitjs/train";
import { classifierHead, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { type LabelledImages, memoryLoader } from "../test/memory-loader.js";
import { adopt } from "./adopt.js";
import { type Classifier, classifier } from "./classifier.js";
import { embed, evaluate } from "./embed.js";
import { type FinetuneOptions, type FinetuneReport, finetune } from "./finetune.js";

const [size, patchSize, width, classes] = [28, 7, 32, 4];
const backbone = visionTransformer({ imageSize: size, patchSize, channels: 1, width, depth: 2, heads: 2 });
const model = classifier(backbone, classifierHead({ kind: "two-layer", width, classes }));
const plain = classifierHead({ kind: "linear", width, classes });
const loss = crossEntropy();

/** 64 real pictures of four kinds of clothing; stripes of four slopes where Debian's package is not installed. */
async function labelledImages(): Promise<LabelledImages> {
  try {
    const all = await fashionMnist({ split: "test", source: "debian" });
    const some = balancedSubset(all, { perClass: 16, seed: 0 });
    const rows = Array.from({ length: some.length }, (_, i) => i).filter(
      (i) => (some.labels?.[i] as number) < classes,
    );
    const pixels = new Float32Array(rows.length * size * size);
    for (const [at, row] of rows.entries()) {
      const image = await some.image(row);
      pixels.set(
        Float32Array.from(image.data, (value) => (value / 255 - 0.286) / 0.353),
        at * size * size,
      );
    }
    const labels = Int32Array.from(rows, (row) => some.labels?.[row] as number);
    return mixed({ pixels, size, channels: 1, labels, count: rows.length });
  } catch (error) {
    if (!SitError.isInstance(error)) throw error;
    console.info("Fashion-MNIST is not on this machine: stripes instead");
    const count = 64;
    const labels = Int32Array.from({ length: count }, (_, i) => i % classes);
    const pixels = Float32Array.from({ length: count * size * size }, (_, i) => {
      const [image, pixel] = [Math.floor(i / (size * size)), i % (size * size)];
      const angle = (Math.PI * (image % classes)) / classes;
      const along = Math.cos(angle) * (pixel % size) + Math.sin(angle) * Math.floor(pixel / size);
      return Math.sin(along + image);
    });
    return { pixels, size, channels: 1, labels, count };
  }
}

/** In an order that has every class in every batch. */
function mixed(images: LabelledImages): LabelledImages {
  const order = randomStream(2, "order").permutation(images.count);
  const each = images.size * images.size * images.channels;
  const pixels = new Float32Array(images.pixels.length);
  order.forEach((from, to) => {
    pixels.set(images.pixels.subarray(from * each, (from + 1) * each), to * each);
  });
  const labels = Int32Array.from(order, (from) => images.labels?.[from] as number);
  return { ...images, pixels, labels };
}

const images = await labelledImages();
const withoutLabels: LabelledImages = { ...images, labels: undefined };

const bits = (params: Params) =>
  Object.entries(params).map(([name, tensor]) => [name, Array.from(tensor.dataSync())]);

async function runAll(options: FinetuneOptions, from = images) {
  const reports: { step: number; loss: number; learningRate: number; epochEnd: boolean }[] = [];
  let params: Params = {};
  for await (const report of finetune(model, memoryLoader(from, 16), options)) {
    reports.push(report);
    params = report.params;
  }
  return { reports, params };
}

/** What a run with an average comes to. */
async function tuned(of: Classifier, options: FinetuneOptions): Promise<{ params: Params; average: Params }> {
  let last: FinetuneReport | undefined;
  for await (const report of finetune(of, memoryLoader(images, 16), options)) last = report;
  return { params: last?.params ?? {}, average: last?.average ?? {} };
}

for (const engine of await engines()) {
  describe(`fine-tuning on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("learns a small real problem: the loss falls and the images are told apart", async () => {
      const { reports, params } = await runAll({ loss, epochs: 25, learningRate: 0.06, layerDecay: 1 });
      expect(reports).toHaveLength(100);
      const mean = (from: number, to: number) =>
        reports.slice(from, to).reduce((sum, report) => sum + report.loss, 0) / (to - from);
      expect(mean(0, 2)).toBeGreaterThan(1); // log(4) is guessing
      expect(mean(96, 100)).toBeLessThan(0.5 * mean(0, 2));
      const { top1 } = await evaluate(model, params, memoryLoader(images, 16));
      expect(top1).toBeGreaterThan(0.7);
      disposeParams(params);
    });

    it("counts its steps, ends epochs, warms up and cools down", async () => {
      const { reports, params } = await runAll({ loss, steps: 20, learningRate: 0.016 });
      expect(reports.map(({ step }) => step)).toEqual(Array.from({ length: 20 }, (_, i) => i));
      expect(reports.filter(({ epochEnd }) => epochEnd).map(({ step }) => step)).toEqual([3, 7, 11, 15, 19]);
      // Scaled to the batch of 16; a tenth of the run, two steps, warms up.
      expect(reports.slice(0, 3).map(({ learningRate }) => learningRate)).toEqual([0, 0.001, 0.001]);
      expect(reports.at(-1)?.learningRate).toBeLessThan(2e-5);
      disposeParams(params);
    });

    it("starts from pretrained parameters, which stay as they are", async () => {
      const pretrained = backbone.init(randomStream(9));
      const before = bits(pretrained);
      const [fresh, tuned] = [
        model.init(randomStream(1)),
        await runAll({ loss, steps: 1, pretrained, learningRate: 0 }),
      ];
      // The first step of the warm-up has rate 0: what it started from is still there.
      const started = Object.entries(tuned.params).filter(([name]) => name.startsWith("backbone."));
      expect(started.map(([name, tensor]) => [name.slice(9), Array.from(tensor.dataSync())])).toEqual(before);
      expect(Array.from(fresh["backbone.cls_token"]?.dataSync() ?? [])).not.toEqual(before[0]?.[1]);
      disposeParams(tuned.params);
      const more = await runAll({ loss, steps: 5, pretrained, learningRate: 0.05 });
      expect(bits(pretrained)).toEqual(before);
      expect(bits(more.params).slice(0, before.length)).not.toEqual(before);
      for (const params of [pretrained, fresh, more.params]) disposeParams(params);
    });

    it("lets lower layers move less by layer decay, and all alike without", async () => {
      const moved = async (layerDecay: number) => {
        const pretrained = backbone.init(randomStream(9));
        const options = { loss, steps: 1, learningRate: 0.016, finalLearningRate: 0, weightDecay: 0 };
        // One step has no warm-up: Adam moves each element with a gradient by the rate itself.
        const { params, reports } = await runAll({ ...options, pretrained, layerDecay });
        const distance = (name: string) => {
          const before = pretrained[name]?.dataSync() ?? new Float32Array();
          const after = params[`backbone.${name}`]?.dataSync() ?? new Float32Array();
          return closeness(after, before).maxAbsolute / (reports[0]?.learningRate as number);
        };
        const found = ["pos_embed", "blocks.0.mlp.fc1.weight", "blocks.1.mlp.fc1.weight", "norm.weight"].map(
          distance,
        );
        disposeParams(params);
        disposeParams(pretrained);
        return found;
      };
      const close = (actual: number[], expected: number[]) =>
        expect(closeness(actual, expected, { relative: 0.02 }).excess).toBeLessThanOrEqual(0);
      close(await moved(0.5), [0.125, 0.25, 0.5, 1]); // two blocks: embeddings are three below the head
      close(await moved(1), [1, 1, 1, 1]);
    });

    it("keeps a head's buffers and takes their new values", async () => {
      const counting: ClassifierHead = {
        name: "counting",
        classes,
        init: (rng) => ({ ...plain.init(rng), running_mean: tf.zeros([1]) }),
        apply(params, tokens, context) {
          const { output } = plain.apply(params, tokens, context);
          const buffers: Params = context.train
            ? { running_mean: tf.add(params.running_mean as tf.Tensor, 1) }
            : {};
          return { output, buffers };
        },
      };
      const leaked = await leakedTensors(async () => {
        let last: Params = {};
        const run = finetune(classifier(backbone, counting), memoryLoader(images, 16), { loss, steps: 3 });
        for await (const { params } of run) last = params;
        expect(Array.from(last["classifier.running_mean"]?.dataSync() ?? [])).toEqual([3]);
        disposeParams(last);
      });
      expect(leaked).toBe(0);
    });

    it("gives the same parameters, to the bit, for the same seed", async () => {
      const options = { loss, steps: 3, learningRate: 0.01 };
      const runs = [];
      for (const seed of [4, 4, 5]) runs.push((await runAll({ ...options, seed })).params);
      const [once, twice, other] = runs as [Params, Params, Params];
      expect(bits(twice)).toEqual(bits(once));
      expect(bits(other)).not.toEqual(bits(once));
      runs.forEach(disposeParams);
    });

    it("goes on from a checkpoint in the middle of an epoch as if it had not stopped, to the bit", async () => {
      const pretrained = backbone.init(randomStream(9));
      const options = { loss, steps: 7, learningRate: 0.05, pretrained, seed: 4 };
      const whole = await runAll(options);
      let resume: Checkpoint | undefined;
      const checkpoints: CheckpointStore = {
        async save({ student, teacher, optimizer, ...counts }, { run }) {
          if (counts.step !== 3) return;
          const state = {
            ...counts,
            student: cloneParams(student),
            teacher,
            optimizer: cloneParams(optimizer),
          };
          resume = { state, run };
        },
      };
      const first = await runAll({ ...options, checkpoints, checkpointEvery: { steps: 3 } });
      const resumed = await runAll({ ...options, pretrained: undefined, resume });
      expect(resumed.reports.map(({ step, loss: value }) => [step, value])).toEqual(
        whole.reports.slice(3).map(({ step, loss: value }) => [step, value]),
      );
      expect(bits(resumed.params)).toEqual(bits(whole.params));
      for (const params of [pretrained, whole.params, first.params, resumed.params]) disposeParams(params);
    });

    it("learns with mixed batches, and the moving average of its parameters learns with it", async () => {
      const options = { loss, epochs: 12, learningRate: 0.06, layerDecay: 1, embeddingDecay: false };
      const loader = memoryLoader(images, 16);
      let last: FinetuneReport | undefined;
      for await (const report of finetune(model, loader, {
        ...options,
        mixing: { mixup: 0.8, cutmix: 1, probability: 0.5 },
        averageDecay: 0.9,
        clip: 5,
      })) {
        last = report;
      }
      const { params, average } = last as FinetuneReport;
      expect(bits(average as Params)).not.toEqual(bits(params));
      for (const learned of [params, average as Params]) {
        const { top1 } = await evaluate(model, learned, memoryLoader(images, 16));
        expect(top1).toBeGreaterThan(0.6);
        disposeParams(learned);
      }
    });

    it("averages parameters by the decay, at first by less, with the buffers of now", async () => {
      const counting: ClassifierHead = {
        ...plain,
        init: (rng) => ({ ...plain.init(rng), running_mean: tf.zeros([1]) }),
        apply(params, tokens, context) {
          const { output } = plain.apply(params, tokens, context);
          return { output, buffers: { running_mean: tf.add(params.running_mean as tf.Tensor, 1) } };
        },
      };
      const name = "classifier.weight";
      const leaked = await leakedTensors(async () => {
        let expected: Float64Array | undefined;
        let step = 0;
        const run = finetune(classifier(backbone, counting), memoryLoader(images, 16), {
          ...{ loss, steps: 6, learningRate: 0.05, averageDecay: 0.3, seed: 3 },
        });
        const started = classifier(backbone, counting).init(randomStream(3, "finetune").fork("init"));
        expected = Float64Array.from((started[name] as tf.Tensor).dataSync());
        disposeParams(started);
        for await (const { params, average } of run) {
          const decay = Math.min(0.3, (1 + step) / (10 + step));
          const now = (params[name] as tf.Tensor).dataSync();
          expected = expected.map((value, i) => decay * value + (1 - decay) * (now[i] as number));
          const got = ((average as Params)[name] as tf.Tensor).dataSync();
          expect(closeness(got, expected, { absolute: 1e-6 }).excess).toBeLessThanOrEqual(0);
          step++;
          expect(Array.from(average?.["classifier.running_mean"]?.dataSync() ?? [])).toEqual([step]);
          if (step < 6) continue;
          disposeParams(params);
          disposeParams(average as Params);
        }
      });
      expect(leaked).toBe(0);
    });

    it("goes on with mixing, average and drop path as if it had not stopped, to the bit", async () => {
      const dropping = classifier(
        visionTransformer({
          ...{ imageSize: size, patchSize, channels: 1, width, depth: 2, heads: 2, dropPath: 0.2 },
        }),
        classifierHead({ kind: "linear", input: "mean", width, classes }),
      );
      const options: FinetuneOptions = {
        ...{ loss, steps: 7, learningRate: 0.05, seed: 4, averageDecay: 0.9, clip: 1 },
        mixing: {},
      };
      const whole = await tuned(dropping, options);
      let resume: Checkpoint | undefined;
      const checkpoints: CheckpointStore = {
        async save({ student, teacher, optimizer, ...counts }, { run }) {
          if (counts.step !== 3) return;
          const copies = { student: cloneParams(student), optimizer: cloneParams(optimizer) };
          resume = { state: { ...counts, ...copies, teacher: cloneParams(teacher as Params) }, run };
        },
      };
      const first = await tuned(dropping, { ...options, checkpoints, checkpointEvery: { steps: 3 } });
      const other = { ...options, mixing: { cutmix: 0 }, loss: crossEntropy({ labelSmoothing: 0.2 }) };
      const begun = resume as Checkpoint | undefined;
      const resumes = begun && {
        run: begun.run,
        state: {
          ...begun.state,
          student: cloneParams(begun.state.student),
          teacher: cloneParams(begun.state.teacher as Params),
          optimizer: cloneParams(begun.state.optimizer),
        },
      };
      await expect(tuned(dropping, { ...other, resume: resumes })).rejects.toThrow(
        /method\.loss\.labelSmoothing 0 \(now 0\.2\); method\.mixing\.cutmix 1 \(now 0\)/,
      );
      const resumed = await tuned(dropping, { ...options, resume });
      expect(bits(resumed.params)).toEqual(bits(whole.params));
      expect(bits(resumed.average)).toEqual(bits(whole.average));
      expect(bits(first.average)).toEqual(bits(whole.average));
      for (const { params, average } of [whole, first, resumed]) {
        disposeParams(params);
        disposeParams(average);
      }
    });

    it("lets neither the class token nor positions decay where that is asked", async () => {
      const moved = async (embeddingDecay: boolean) => {
        const pretrained = backbone.init(randomStream(9));
        // A loss without a gradient leaves the decay alone.
        const flat: ClassificationLoss = {
          name: "flat",
          loss: (logits) => tf.tidy(() => tf.mul(tf.sum(logits), 0)) as tf.Scalar,
        };
        const { params } = await runAll({
          ...{ loss: flat, steps: 1, pretrained, learningRate: 16, weightDecay: 0.01, layerDecay: 1 },
          embeddingDecay,
        });
        const names = ["cls_token", "pos_embed", "blocks.0.mlp.fc1.weight", "norm.weight"];
        const ratio = names.map((name) => {
          const [before] = pretrained[name]?.dataSync() ?? [];
          const [after] = params[`backbone.${name}`]?.dataSync() ?? [];
          return Math.round((1000 * (after as number)) / (before as number)) / 1000;
        });
        disposeParams(params);
        disposeParams(pretrained);
        return ratio;
      };
      expect(await moved(true)).toEqual([0.99, 0.99, 0.99, 1]);
      expect(await moved(false)).toEqual([1, 1, 0.99, 1]);
    });

    it.each<[Partial<FinetuneOptions>, string]>([
      [{ averageDecay: 1 }, "averageDecay: expected a number in [0, 1), got 1"],
      [{ clip: -1 }, "clip: expected a norm of at least 0, got -1"],
      [{ mixing: { mixup: 0, cutmix: 0 } }, "mixing: expected mixup or cutmix above 0"],
    ])("refuses %j", async (wrong, message) => {
      await expect(runAll({ loss, steps: 1, ...wrong } as FinetuneOptions)).rejects.toThrow(message);
    });

    it("leaves only the parameters, and nothing where the loop is left early", async () => {
      const whole = await leakedTensors(async () => {
        disposeParams((await runAll({ loss, steps: 2 })).params);
      });
      expect(whole).toBe(0);
      const loader = memoryLoader(images, 16);
      const early = await leakedTensors(async () => {
        for await (const { step } of finetune(model, loader, { loss, epochs: 1 })) if (step === 1) break;
      });
      expect(early).toBe(0);
      expect(loader.closed()).toBe(1);
    });

    it.each<[string, LabelledImages, ClassificationLoss, string, RegExp]>([
      [
        "images without labels",
        withoutLabels,
        loss,
        "bad-option",
        /^finetune: expected a loader with labels, got one without$/,
      ],
      [
        "labels beyond the head's classes",
        { ...images, labels: new Int32Array(images.count).fill(4) },
        loss,
        "bad-option",
        /^labels\[0\]: expected a class from 0 to 3, got 4$/,
      ],
      [
        "a loss that is no number",
        images,
        {
          name: "nan",
          loss: (logits, labels) => tf.tidy(() => tf.mul(loss.loss(logits, labels), Number.NaN)) as tf.Scalar,
        },
        "not-finite",
        /^step 0 \(epoch 0\): expected a finite loss and gradient, got loss NaN at learning rate .*; images 0, 1, /,
      ],
    ])("refuses %s, and leaves no tensor", async (_, from, lossOf, code, message) => {
      let error: unknown;
      const leaked = await leakedTensors(async () => {
        error = await runAll({ loss: lossOf, steps: 2 }, from).catch((reason: unknown) => reason);
      });
      expect(SitError.isInstance(error) && error.code).toBe(code);
      expect((error as Error).message).toMatch(message);
      expect(leaked).toBe(0);
    });
  });

  describe(`classifier on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("names parameters by their part, and copies pretrained ones", () => {
      const pretrained = backbone.init(randomStream(9));
      const values = bits(pretrained);
      const params = model.init(randomStream(1), pretrained);
      expect(Object.keys(params).filter((name) => !/^(backbone|classifier)\./.test(name))).toEqual([]);
      disposeParams(pretrained);
      const backboneParams = Object.entries(params).filter(([name]) => name.startsWith("backbone."));
      expect(backboneParams.map(([, tensor]) => Array.from(tensor.dataSync()))).toEqual(
        values.map(([, value]) => value),
      );
      disposeParams(params);
    });

    it("names every pretrained parameter that is missing or has another shape, and leaves no tensor", async () => {
      const fits = { a: tf.ones([2, 3]), b: tf.ones([4]), c: tf.scalar(1) };
      const given = { a: tf.ones([3, 2]), c: tf.scalar(5), unused: tf.scalar(0) };
      const leaked = await leakedTensors(() => {
        const fresh = { a: tf.zeros([2, 3]), b: tf.zeros([4]), c: tf.scalar(0) };
        const wrong = () => adopt(fresh, given);
        expect(wrong).toThrow(SitError);
      });
      expect(leaked).toBe(0);
      expect(() => adopt(fits, given)).toThrow(
        "pretrained backbone: a expected [2, 3], got [3, 2]; b missing",
      );
      disposeParams(given);
    });
  });

  describe(`embed and evaluate on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("gives the class-like token, the mean of the patches, or both, of every image in order", async () => {
      const params = backbone.init(randomStream(3));
      const ten = { ...images, count: 10 };
      const progress: string[] = [];
      const got = {
        token: await embed(backbone, params, memoryLoader(ten, 4), {
          onBatch: (done, steps) => progress.push(`${done}/${steps}`),
        }),
        mean: await embed(backbone, params, memoryLoader(ten, 4), { features: "mean" }),
        both: await embed(backbone, params, memoryLoader(ten, 4), { features: "token+mean" }),
      };
      expect(progress).toEqual(["1/3", "2/3", "3/3"]);
      expect(Object.values(got).map(({ size: length }) => length)).toEqual([width, width, 2 * width]);
      for (const { labels } of Object.values(got)) expect(labels).toEqual(images.labels?.slice(0, 10));

      // By hand, from the tokens of all ten at once.
      const pixels = tf.tensor4d(images.pixels.slice(0, 10 * size * size), [10, size, size, 1]);
      const outputs = backbone.apply(params, pixels, { train: false });
      const tokens = (await outputs.tokens.array()) as number[][][];
      const token = tokens.map((image) => image[0] as number[]);
      const mean = tokens.map((image) =>
        Array.from({ length: width }, (_, feature) => {
          const patches = image.slice(1).map((patch) => patch[feature] as number);
          return patches.reduce((sum, value) => sum + value, 0) / patches.length;
        }),
      );
      const both = token.map((row, i) => [...row, ...(mean[i] as number[])]);
      const tolerance = { absolute: 1e-5, relative: 1e-5 };
      for (const [kind, rows] of Object.entries({ token, mean, both })) {
        const { features } = got[kind as keyof typeof got];
        expect(closeness(features, rows.flat(), tolerance).excess, kind).toBeLessThanOrEqual(0);
      }
      tf.dispose([pixels, outputs.tokens, outputs.blocks as tf.Tensor[], { ...params }]);
    });

    it("labels images of a loader without labels -1", async () => {
      const params = backbone.init(randomStream(3));
      const { labels } = await embed(backbone, params, memoryLoader({ ...withoutLabels, count: 3 }, 2));
      expect(labels).toEqual(Int32Array.of(-1, -1, -1));
      disposeParams(params);
    });

    it("evaluates to the accuracy counted by hand, last small batch included, and leaves no tensor", async () => {
      const params = model.init(randomStream(6));
      const nine = { ...images, count: 9 };
      let result: Awaited<ReturnType<typeof evaluate>> | undefined;
      const leaked = await leakedTensors(async () => {
        result = await evaluate(model, params, memoryLoader(nine, 4));
      });
      expect(leaked).toBe(0);
      const pixels = tf.tensor4d(images.pixels.slice(0, 9 * size * size), [9, size, size, 1]);
      const logits = model.apply(params, pixels, { train: false }).output;
      const chosen = Array.from(tf.tidy(() => tf.argMax(logits, 1).dataSync()));
      const hits = chosen.filter((predicted, i) => predicted === images.labels?.[i]).length;
      expect(result?.top1).toBe(hits / 9);
      expect(result?.top5).toBe(1); // four classes
      expect(result?.labels).toEqual(images.labels?.slice(0, 9));
      const { excess } = closeness(result?.logits ?? [], logits.dataSync(), {
        absolute: 1e-5,
        relative: 1e-5,
      });
      expect(excess).toBeLessThanOrEqual(0);
      tf.dispose([pixels, logits, { ...params }]);
    });

    it("cannot evaluate without labels", async () => {
      const params = model.init(randomStream(6));
      const work = evaluate(model, params, memoryLoader({ ...withoutLabels, count: 4 }, 4));
      await expect(work).rejects.toThrow("evaluate: expected a loader with labels, got one without");
      disposeParams(params);
    });
  });
}
