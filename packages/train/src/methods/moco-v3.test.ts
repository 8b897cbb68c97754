import {
  disposeParams,
  type Params,
  param,
  pick,
  randomStream,
  SitError,
  trainable,
  withoutPrefix,
  withPrefix,
} from "@sitjs/core";
import { infoNce } from "@sitjs/losses";
import { mocoHeads, projectionHead, visionTransformer } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../../fixtures/engines.js";
import { expectGradient, expectOutput } from "../../../../fixtures/expect.js";
import { loadFixture } from "../../../../fixtures/load.js";
import { toImages, toTensors } from "../../../../fixtures/tensors.js";
import { memoryLoader } from "../../test/memory-loader.js";
import { randomViews } from "../../test/method-checks.js";
import { drawnParams, expectGradients } from "../../test/method-values.js";
import { bits, runAll, stateBits } from "../../test/runs.js";
import type { Method } from "../method.js";
import { adamW } from "../optimizer.js";
import { applyStep, computeStep, disposeState, initState, replaced } from "../step.js";
import { momentumUpdate } from "../teacher.js";
import { type MocoV3Options, mocoV3, mocoV3Recipe } from "./moco-v3.js";

const [size, width] = [8, 16];

function tiny(options: Partial<MocoV3Options> = {}): Method {
  return mocoV3({
    backbone: visionTransformer({
      imageSize: size,
      patchSize: 4,
      width,
      depth: 1,
      heads: 2,
      dropPath: 0,
      positions: "sincos-moco",
    }),
    ...mocoHeads({ width, hidden: 12, output: 8, initialization: "xavier" }),
    loss: infoNce({ temperature: 0.2 }),
    ...options,
  });
}

/** 3 steps an epoch. */
const loader = () => memoryLoader({ images: 12, batchSize: 4, views: 2, size });

const viewsOf = (batch: { views: readonly { data: Float32Array; shape: readonly number[] }[] }) =>
  batch.views.map(({ data, shape }) => tf.tensor4d(data, shape as [number, number, number, number]));

/** The fixture's names, for a network of ours: `base_encoder.head.` is the projector. */
function renamed(params: Params, encoder: string): Params {
  const all = withoutPrefix(`${encoder}.`, params);
  const { pos_embed: _, ...backbone } = pick(all, (name) => !name.startsWith("head."));
  return {
    ...withPrefix("backbone.", backbone),
    ...withPrefix("projector.", withoutPrefix("head.", all)),
    ...withPrefix("predictor.", withoutPrefix("predictor.", params)),
  };
}

for (const engine of await engines({ plain: true })) {
  describe(`MoCo v3 on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    it("gives the reference's loss, gradients, momentum encoder and running statistics (fixture mocov3)", async () => {
      const fixture = loadFixture("mocov3");
      const config = fixture.json.config as Record<"img" | "patch" | "dim" | "depth" | "heads", number> & {
        hidden: number;
        out_dim: number;
        momentum: number;
        temps: readonly [number, number];
      };
      const { img: imageSize, patch: patchSize, dim, depth, heads } = config;
      const method = mocoV3({
        backbone: visionTransformer({
          imageSize,
          patchSize,
          width: dim,
          depth,
          heads,
          dropPath: 0,
          positions: "sincos-moco",
        }),
        ...mocoHeads({ width: dim, hidden: config.hidden, output: config.out_dim }),
        loss: infoNce({ temperature: config.temps[0] }),
        freezePatchEmbedding: false,
      });
      const stored = toTensors(fixture.parameters());
      const student = renamed(stored, "base_encoder");
      const all = renamed(stored, "momentum_encoder");
      const before = pick(all, (name) => !name.startsWith("predictor."));
      const teacher = { ...before, ...momentumUpdate(before, student, config.momentum) };
      const state = { student, teacher, optimizer: {}, step: 0, skipped: 0 };
      const views = ["in/x1", "in/x2"].map((name) => toImages(fixture.entry(name)));

      const step = computeStep(method, state, { views, rng: randomStream(0, "test") });
      const expected = fixture.scalar("out/step/loss");
      expect(Math.abs((step.metrics.loss?.dataSync()[0] as number) / expected - 1)).toBeLessThan(1e-5);
      /** Our name of a fixture's tensor. */
      const ours = (name: string) =>
        name
          .replace(/^(base|momentum)_encoder\.head\./, "projector.")
          .replace(/^(base|momentum)_encoder\./, "backbone.");
      const gradients = Object.keys(fixture.under("grad_step/"));
      expect(Object.keys(step.gradients).sort()).toEqual(gradients.map(ours).sort());
      for (const name of gradients) {
        await expectGradient(param(step.gradients, ours(name)), fixture, `grad_step/${name}`);
      }
      const after = Object.keys(fixture.under("after/")).filter((name) => !name.endsWith("pos_embed"));
      const keys = { ...teacher, ...step.teacherBuffers };
      const [seen, total] = [new Set<string>(), Object.keys(keys).length + Object.keys(step.buffers).length];
      for (const name of after) {
        const owner = name.startsWith("momentum_encoder.") ? keys : step.buffers;
        await expectOutput(param(owner, ours(name)), fixture, `after/${name}`);
        seen.add(name);
      }
      expect(seen.size).toBe(total);
    });

    it("makes each key after its teacher has followed: the reference's order, to the bit", async () => {
      const options = { steps: 3, seed: 4, learningRate: 0.5, momentum: 0.5 };
      const whole = await runAll(options, loader(), tiny());

      const [method, optimizer] = [tiny(), adamW(mocoV3Recipe.adamW)];
      const root = randomStream(4, "pretrain");
      let state = initState(method, optimizer, root.fork("init"));
      const losses: number[] = [];
      for await (const batch of loader().range(0, 3)) {
        const { step } = state;
        const { teacher, student } = state as { teacher: Params; student: Params };
        const momentum = 1 - 0.5 * (1 + Math.cos((Math.PI * step) / 3)) * (1 - 0.5);
        // At step 0 both networks are the same: to follow changes nothing but the rounding.
        const followed = step === 0 ? {} : momentumUpdate(teacher, student, momentum);
        const ready = { ...state, teacher: replaced(teacher, followed) };
        const input = {
          views: viewsOf(batch),
          rng: root.fork("step", step),
          totalSteps: 3,
          stepsPerEpoch: 3,
        };
        const computed = computeStep(method, ready, input);
        losses.push(computed.metrics.loss?.dataSync()[0] as number);
        state = applyStep(optimizer, ready, computed, {
          learningRate: whole.reports[step]?.learningRate as number,
          weightDecay: 0.1,
          momentum: 1,
          frozenSteps: (name) => method.frozenSteps?.(name, { totalSteps: 3, stepsPerEpoch: 3 }) ?? 0,
        });
      }
      expect(whole.reports.map(({ metrics }) => metrics.loss)).toEqual(losses);
      expect(bits(state.student)).toEqual(bits(whole.state.student));

      const after = await runAll(options, loader(), {
        ...tiny(),
        recipe: { ...mocoV3Recipe, momentumOfNextStep: false },
      });
      expect(after.reports[2]?.metrics.loss, "the other order is another run").not.toBe(losses[2]);
      for (const each of [state, whole.state, after.state]) disposeState(each);
    });

    it("leaves the patch embedding as it was drawn, weight decay included, and asks for no gradient of it", async () => {
      const start = tiny().init(randomStream(2, "pretrain").fork("init"));
      const options = { steps: 4, seed: 2, learningRate: 0.1, weightDecay: [0.5, 0.5] as const };
      const { reports, state } = await runAll(options, loader(), tiny());
      const free = await runAll(options, loader(), tiny({ freezePatchEmbedding: false }));
      const embedding = (params: Params) => bits(pick(params, (name) => name.includes("patch_embed")));
      expect(embedding(start)).toHaveLength(2);
      expect(embedding(state.student)).toEqual(embedding(start));
      expect(embedding(free.state.student)).not.toEqual(embedding(start));
      expect(reports[0]?.metrics.loss).toBe(free.reports[0]?.metrics.loss);
      expect(reports[0]?.gradientNorm).toBeLessThan(free.reports[0]?.gradientNorm as number);
      disposeParams(start);
      disposeState(state);
      disposeState(free.state);
    });

    it("follows the paper's recipe: schedules by fractional epoch, weight decay on everything", async () => {
      const { reports, state } = await runAll({ steps: 30 }, loader(), tiny());
      const base = (1.5e-4 * 4) / 256;
      for (const { step, learningRate, weightDecay, momentum } of reports) {
        // Three steps of warm-up: a tenth of the run.
        const rate = step < 3 ? (base * step) / 3 : base * 0.5 * (1 + Math.cos((Math.PI * (step - 3)) / 27));
        expect(learningRate).toBeCloseTo(rate, 15);
        expect(weightDecay).toBe(0.1);
        expect(momentum).toBeCloseTo(1 - 0.005 * (1 + Math.cos((Math.PI * (step + 1)) / 30)), 12);
      }
      disposeState(state);

      const optimizer = adamW(mocoV3Recipe.adamW);
      const params = { "norm.weight": tf.ones([3]), weight: tf.ones([2, 3]) };
      const gradients = { "norm.weight": tf.zeros([3]), weight: tf.zeros([2, 3]) };
      const moments = optimizer.init(params);
      const decayed = optimizer.update({
        params,
        gradients,
        state: moments,
        step: 0,
        learningRate: 0.5,
        weightDecay: 0.1,
      });
      for (const tensor of Object.values(decayed.params)) {
        for (const value of tensor.dataSync()) expect(value).toBeCloseTo(0.95, 6);
      }
    });

    it("has the gradients that central differences say, in every module", async () => {
      // Heads with GELU: central differences across ReLU's kink say something else.
      const smooth = (input: number) => projectionHead({ width: input, hidden: 12, output: 8, layers: 2 });
      const method = tiny({ freezePatchEmbedding: false, projector: smooth(width), predictor: smooth(8) });
      const drawn = drawnParams(method);
      const teacher = method.initTeacher(drawn);
      const views = randomViews({ views: 2, batch: 8, size });
      const names = [
        "backbone.patch_embed.proj.weight",
        "backbone.blocks.0.attn.qkv.weight",
        "backbone.norm.weight",
        "projector.mlp.0.weight",
        "projector.mlp.1.bias",
        "predictor.mlp.1.weight",
        "predictor.mlp.3.weight",
      ];
      await expectGradients(method, { views, teacher }, names, { step: 1e-3 });
    });

    it("has a teacher of backbone and projector, and says so where there is none", () => {
      const student = tiny().init(randomStream(0));
      const teacher = tiny().initTeacher(student) as Params;
      expect(Object.keys(teacher).some((name) => name.startsWith("predictor."))).toBe(false);
      const trained = Object.keys(trainable(student)).filter((name) => !name.startsWith("predictor."));
      expect(Object.keys(trainable(teacher))).toEqual(trained);
      const state = { student, teacher: undefined, optimizer: {}, step: 0, skipped: 0 };
      const views = [tf.zeros([2, size, size, 3]), tf.zeros([2, size, size, 3])] as tf.Tensor4D[];
      const prepare = () => computeStep(tiny(), state, { views, rng: randomStream(0) });
      expect(prepare).toThrow(SitError);
      expect(prepare).toThrow(/moco-v3: expected a teacher's parameters/);
      disposeParams(student);
    });

    it("the same seed gives the same run, and no step leaves a tensor", async () => {
      const counts: number[] = [];
      const method = tiny();
      const prepare: Method["prepare"] = (input) => {
        counts.push(tf.memory().numTensors);
        return method.prepare(input);
      };
      const first = await runAll({ steps: 5, seed: 3 }, loader(), { ...method, prepare });
      expect(new Set(counts.slice(1)).size).toBe(1);
      const second = await runAll({ steps: 5, seed: 3 }, loader(), tiny());
      const other = await runAll({ steps: 5, seed: 5 }, loader(), tiny());
      expect(stateBits(second.state)).toEqual(stateBits(first.state));
      expect(bits(other.state.student)).not.toEqual(bits(first.state.student));
      for (const { state } of [first, second, other]) disposeState(state);
    });
  });
}
