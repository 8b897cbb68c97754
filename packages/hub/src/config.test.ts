import { SitError } from "@sitjs/core/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatConfig, type PretrainedConfig, readConfig } from "./config.js";
import { isRepository } from "./node/hub-file.js";
import { formatPreprocessing, readPreprocessing } from "./preprocessing.js";

const network = (changed: object) => ({ model_type: "vit", ...changed });
const refusal = (read: () => unknown): string => {
  try {
    read();
  } catch (error) {
    if (SitError.isInstance(error) && error.code === "bad-file") return error.message;
    throw error;
  }
  return "";
};

describe("a config.json", () => {
  it.each([
    [{ num_attention_heads: 5 }, /^c: heads: expected a divisor of width 768, got 5/],
    [{ image_size: 100 }, /^c: imageSize: expected a multiple of patchSize 16, got 100/],
    [{ num_hidden_layers: 2000 }, /^c: num_hidden_layers: expected at most 1024, got 2000/],
    [{ image_size: 2 ** 20, patch_size: 1 }, /^c: image_size: expected at most 65536 patches/],
    [
      { architectures: ["ViTForImageClassification"], id2label: {} },
      /^c: id2label: expected at least one class/,
    ],
    [{ id2label: { 0: "a", 1: 7 } }, /^c: id2label: expected a name for each class/],
  ])("that no network can have, %j, is refused by its name", (changed, message) => {
    expect(refusal(() => readConfig(network(changed), "c"))).toMatch(message);
  });

  it("says again what was written", () => {
    const heads = fc.constantFrom("linear" as const, "two-layer" as const, "average-norm" as const);
    const options = fc.record({
      patches: fc.integer({ min: 1, max: 16 }),
      patchSize: fc.integer({ min: 1, max: 32 }),
      heads: fc.integer({ min: 1, max: 16 }),
      perHead: fc.integer({ min: 1, max: 80 }),
      depth: fc.integer({ min: 1, max: 30 }),
      kind: fc.option(heads, { nil: undefined }),
      labels: fc.array(fc.string(), { minLength: 1, maxLength: 5 }),
      layerScale: fc.option(fc.double({ min: 1e-6, max: 1, noNaN: true }), { nil: undefined }),
      multiLabel: fc.boolean(),
    });
    fc.assert(
      fc.property(
        options,
        ({ patches, patchSize, heads, perHead, depth, kind, labels, layerScale, multiLabel }) => {
          const backbone = {
            imageSize: patches * patchSize,
            patchSize,
            width: heads * perHead,
            heads,
            depth,
            layerScale,
          };
          const head = kind && { kind, classes: labels.length };
          const config: PretrainedConfig = {
            backbone,
            head,
            labels: head && labels,
            multiLabel: head ? multiLabel : false,
          };
          const again = readConfig(JSON.parse(JSON.stringify(formatConfig(config))), "again");
          expect(again.backbone).toMatchObject({ ...backbone, mlpRatio: 4 });
          expect(again).toMatchObject({ labels: config.labels, multiLabel: config.multiLabel });
          expect(again.head).toEqual(head);
        },
      ),
    );
  });
});

describe("a preprocessor_config.json", () => {
  const usual = { size: 224, image_mean: [0.5], image_std: [0.5] };
  it.each([
    [{ rescale_factor: "x" }, "rescale_factor"],
    [{ rescale_factor: {} }, "rescale_factor"],
    [{ image_mean: [] }, "image_mean"],
    [{ image_mean: [0.5, 0.5] }, "image_mean: expected 1 numbers"],
    [{ image_std: [0] }, "image_std: expected numbers above 0"],
  ])("that means nothing, %j, is refused by its key", (changed, key) => {
    expect(refusal(() => readPreprocessing({ ...usual, ...changed }, "p"))).toContain(`p: ${key}`);
  });

  it("says again what was written", () => {
    const channels = fc.integer({ min: 1, max: 4 }).chain((count) =>
      fc.record({
        count: fc.constant(count),
        mean: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: count, maxLength: count }),
        std: fc.array(fc.double({ min: 1e-3, max: 2, noNaN: true }), { minLength: count, maxLength: count }),
      }),
    );
    const sides = fc.integer({ min: 1, max: 4096 });
    const filters = fc.constantFrom("bilinear" as const, "bicubic" as const);
    fc.assert(
      fc.property(
        channels,
        sides,
        fc.option(sides, { nil: undefined }),
        filters,
        (of, size, shorterSide, interpolation) => {
          const { count, mean, std } = of;
          const written = { size, shorterSide, mean, std, interpolation };
          const text = JSON.stringify(formatPreprocessing(written, count)).replaceAll("-0,", "0,");
          expect(readPreprocessing(JSON.parse(text), "again")).toEqual(JSON.parse(JSON.stringify(written)));
        },
      ),
    );
  });
});

it("a repository's name stands for one folder of the cache", () => {
  for (const name of ["owner/name", "a_b/c-d.e"]) expect(isRepository(name), name).toBe(true);
  for (const name of ["a--b/c", "a/b--c", "../name", "owner/.name", "a/b/c", "a", "a\\b/c", "é/b"])
    expect(isRepository(name), name).toBe(false);
});
