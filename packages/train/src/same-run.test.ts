// A run that goes on is the one that was saved: whatever option of a method, a part, a transform or the loader is another,
// going on is refused by its name, with both values. The tables are in `test/`.
import {
  randomErasing,
  resize,
  type Transform,
  type TransformSpec,
  transformSettings,
  type ViewSpec,
} from "@sitjs/augment";
import { cloneParams, type PartSettings, partRecord, settingsOf } from "@sitjs/core";
import { type BatchesOptions, batches, memoryDataset } from "@sitjs/data";
import { gmml } from "@sitjs/masking";
import { beforeAll, describe, expect, it } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { memoryLoader } from "../test/memory-loader.js";
import { methodRows } from "../test/method-rows.js";
import { partRows } from "../test/part-rows.js";
import { failure, runAll, savedAt, size, tinySit } from "../test/runs.js";
import { transformRows } from "../test/transform-rows.js";
import type { Checkpoint } from "./checkpoint.js";
import type { BatchSource } from "./loader.js";
import type { Method } from "./method.js";
import type { RunRecord } from "./run-record.js";
import { disposeState } from "./step.js";

const steps = { steps: 2 };
const loader = () => memoryLoader({ images: 8, batchSize: 4, views: 2, size });

/** The run after its first step. */
const begun = (method: Method, source: BatchSource): Promise<Checkpoint> => savedAt(1, steps, source, method);

/** What is not as it was, by what going on says; empty where it goes on. The saved run stays as it is. */
async function differences({ state, run }: Checkpoint, method: Method, source: BatchSource) {
  const { student, teacher, optimizer, ...counts } = state;
  const copies = { student: cloneParams(student), optimizer: cloneParams(optimizer) };
  const resume = { run, state: { ...counts, ...copies, teacher: teacher && cloneParams(teacher) } };
  const error = await failure(async () =>
    disposeState((await runAll({ ...steps, resume }, source, method)).state),
  );
  if (error === undefined) return [];
  const [, said] =
    /^resume: expected the settings of the saved run: (.*)$/.exec((error as Error).message) ?? [];
  return said?.split("; ") ?? [String(error)];
}

const beginningWith = (said: string) => expect.arrayContaining([expect.stringMatching(startOf(said))]);
const startOf = (text: string) => new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`);
const asSaved = <T>(value: T): T => JSON.parse(JSON.stringify(value));

const view = (changes: Partial<ViewSpec<TransformSpec | Transform>> = {}) => ({
  name: "first",
  size,
  transforms: [resize({ size })],
  mean: [0.5, 0.5, 0.5],
  deviation: [0.2, 0.2, 0.2],
  ...changes,
});
const dataset = (seed = 0, images = 8) =>
  memoryDataset({
    pixels: Uint8Array.from({ length: images * size * size * 3 }, (_, i) => (i * 7 + seed) % 256),
    ...{ width: size, height: size, channels: 3 },
  });
const second = view({ name: "second" });
const loaderOf = (changes: Partial<BatchesOptions> = {}, data = dataset()) =>
  batches(data, { views: [view(), second], batchSize: 4, workers: 0, ...changes });

const [engine] = await engines();
describe("a run that goes on", () => {
  beforeAll(() => engine?.use());

  describe.each(Object.entries(methodRows))("by %s", (title, row) => {
    let saved: Checkpoint;
    beforeAll(async () => {
      saved = await begun(row.make(), row.loader());
    });

    it("is taken with the same options, made again", async () => {
      expect(await differences(saved, row.make(), row.loader())).toEqual([]);
    });

    it.each(Object.entries(row.others))("is refused for another %s", async (said, other) => {
      expect(await differences(saved, other(), row.loader())).toEqual(beginningWith(said));
    });

    it("says no setting that is not changed above", () => {
      const rows = title === "GMML" ? Object.values(methodRows) : [row];
      const said = rows.flatMap(({ others }) => Object.keys(others));
      const changed = said.map((each) => /^method\.(\w+)/.exec(each)?.[1]);
      expect(changed).toEqual(expect.arrayContaining(Object.keys(settingsOf(row.make()))));
    });
  });

  describe.each(Object.entries(partRows))("with %s", (_, [part, others]) => {
    const of = (one: typeof part): Method => ({ ...tinySit(), settings: { part: partRecord(one) } });

    it("is refused for another option, named", async () => {
      const saved = await begun(of(part), loader());
      expect(await differences(saved, of(part), loader())).toEqual([]);
      for (const [said, other] of Object.entries(others)) {
        const named = /^[a-z]/.test(said) ? `method.part.${said}` : `method.part ${said}`;
        expect(await differences(saved, of(other), loader())).toEqual(beginningWith(named));
      }
      const changed = Object.keys(others).map((said) => /^\w+/.exec(said)?.[0]);
      const names = Object.keys(settingsOf(part)).filter((name) => name !== "name");
      expect(changed).toEqual(expect.arrayContaining(names));
    });
  });

  describe.each(transformRows)("with a view of $0.name", (one, others) => {
    it("is refused for another option, named", async () => {
      const saved = await begun(tinySit(), loaderOf());
      const viewsOf = (spec: TransformSpec) => [view({ transforms: [spec, resize({ size })] }), second];
      const settings = (spec: TransformSpec) => loaderOf({ views: viewsOf(spec) }).settings();
      const run: RunRecord = { ...saved.run, loader: asSaved(await settings(one)) };
      for (const [said, other] of Object.entries(others)) {
        const found = await differences({ ...saved, run }, tinySit(), loaderOf({ views: viewsOf(other) }));
        expect(found).toEqual([
          expect.stringMatching(startOf(`loader.views.first.transforms.${one.name}.${said}`)),
        ]);
      }
      const changed = Object.keys(others).map((said) => /^\w+/.exec(said)?.[0]);
      expect(changed).toEqual(expect.arrayContaining(Object.keys(transformSettings(one))));
    });
  });

  describe("with a loader of images", () => {
    const changes: Record<string, [BatchesOptions | object, ReturnType<typeof dataset>?]> = {
      "loader.seed 0 (now 1)": [{ seed: 1 }],
      "loader.shuffle true (now false)": [{ shuffle: false, dropLast: true }],
      "loader.dropLast true (now false)": [{ dropLast: false }],
      "loader.dataset.images 8 (now 9)": [{}, dataset(0, 9)],
      'loader.dataset.sha256 "': [{}, dataset(1)],
      'loader.views.order ["first","second"] (now ["second","first"])': [{ views: [second, view()] }],
      'loader.views.order ["first","second"] (now ["first","second","third"])': [
        { views: [view(), second, view({ name: "third" })] },
      ],
      "loader.views.first.size [16,16] (now [8,8])": [{ views: [view({ size: 8 }), second] }],
      "loader.views.first.mean [0.5,0.5,0.5] (now [0,0,0])": [{ views: [view({ mean: [0, 0, 0] }), second] }],
      "loader.views.first.deviation [0.2,0.2,0.2] (now [1,1,1])": [
        { views: [view({ deviation: [1, 1, 1] }), second] },
      ],
      'loader.views.first.erasing "none" (now {"probability":0.25': [
        { views: [view({ erasing: randomErasing() }), second] },
      ],
      'loader.views.first.transforms.order ["resize"] (now ["resize","resize 2"])': [
        { views: [view({ transforms: [resize({ size: 8 }), resize({ size })] }), second] },
      ],
    };

    it("is refused for another option, named", async () => {
      const saved = await begun(tinySit(), loaderOf());
      for (const [said, [options, data]] of Object.entries(changes)) {
        expect(await differences(saved, tinySit(), loaderOf(options, data))).toEqual(beginningWith(said));
      }
    });

    it("takes what changes no batch: threads, what is made ahead, what becomes of bad images", async () => {
      const saved = await begun(tinySit(), loaderOf());
      const safe = {
        workers: 1,
        prefetch: 3,
        badImages: "replace",
        maximumBadShare: 1,
        keepWorkers: true,
      } as const;
      const other = loaderOf({ ...safe, workerTimeout: 20, epochs: 3, labels: false });
      expect(await differences(saved, tinySit(), other)).toEqual([]);
      await other.close();
    });

    it("knows a transform of one's own by its settings, else by its name", async () => {
      const transform = (name: string, settings?: PartSettings): Transform => ({
        ...{ name, apply: (image) => image },
        ...(settings && { settings }),
      });
      const of = (one: Transform) => loaderOf({ views: [view({ transforms: [one] }), second] });
      const silent = await begun(tinySit(), of(transform("mine")));
      expect(await differences(silent, tinySit(), of(transform("mine")))).toEqual([]);
      expect(await differences(silent, tinySit(), of(transform("mine", { strength: 1 })))).toEqual([]);
      expect(await differences(silent, tinySit(), of(transform("other")))).toEqual([
        'loader.views.first.transforms.order ["mine"] (now ["other"])',
      ]);
      const told = await begun(tinySit(), of(transform("mine", { strength: 1 })));
      expect(await differences(told, tinySit(), of(transform("mine", { strength: 2 })))).toEqual([
        "loader.views.first.transforms.mine.strength 1 (now 2)",
      ]);
    });
  });

  it("knows a part that does not tell its settings by its name alone", async () => {
    const { settings: _, ...plain } = gmml();
    const silent = { ...plain, name: "mine" };
    const saved = await begun(tinySit({ corruption: silent }), loader());
    expect(saved.run.methodSettings?.corruption).toEqual({ name: "mine", unknown: true });
    const now = (changes: object) =>
      differences(saved, tinySit({ corruption: { ...silent, ...changes } }), loader());
    expect(await now({})).toEqual([]);
    expect(await now({ settings: { ratio: 1 } })).toEqual([]);
    expect(await now({ name: "yours" })).toEqual(['method.corruption "mine" (now "yours")']);
  });

  it("does not compare what the record of an earlier version does not say", async () => {
    const source = loaderOf();
    const saved = await begun(tinySit(), source);
    const { methodSettings, backbone, loader: _, parameters, ...first } = saved.run;
    const { layerScale, ...options } = { ...backbone?.settings };
    const settings = { ...backbone, settings: options } as NonNullable<RunRecord["backbone"]>;
    const { corruption, ...some } = methodSettings as Record<string, unknown>;
    for (const more of [{}, { methodSettings: {} }, { methodSettings: some, backbone: settings }]) {
      expect(await differences({ ...saved, run: { ...first, ...more } }, tinySit(), source)).toEqual([]);
    }
  });

  it("refuses settings that are no JSON, by whose they are", async () => {
    const settings: Record<string, unknown> = {};
    settings.itself = settings;
    const error = await failure(() => begun({ ...tinySit(), settings }, loader()));
    expect((error as Error).message).toBe("method: expected settings of plain JSON, got others");
  });
});
