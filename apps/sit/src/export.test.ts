import { existsSync, readdirSync } from "node:fs";
import { withoutPrefix } from "@sitjs/core";
import { fromPretrained } from "@sitjs/hub/node";
import { loadCheckpoint } from "@sitjs/train/node";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { makePictures, runsFolder, tiny } from "./testing.js";

const { run, at } = runsFolder("export", async (to) => {
  await makePictures(to("photos"), 8);
});

beforeAll(async () => {
  await tf.setBackend("cpu");
});

describe("sit export", () => {
  it("writes what a run pretrained and what another fine-tuned, with its classes", async () => {
    expect((await run(`pretrain --data photos ${tiny} --epochs 1 --quiet`)).code).toBe(0);
    const tuning = "--data photos --checkpoint runs/pretrain --engine wasm --workers 0 --epochs 1 --quiet";
    const tuned = await run(`finetune ${tuning}`);
    expect({ code: tuned.code, err: tuned.err }).toEqual({ code: 0, err: "" });

    expect(await run("export runs/pretrain --to backbone --quiet")).toMatchObject({
      code: 0,
      out: "Wrote the backbone: backbone\n",
    });
    expect(readdirSync(at("backbone")).sort()).toEqual([
      "config.json",
      "model.safetensors",
      "preprocessor_config.json",
    ]);
    const backbone = await fromPretrained(at("backbone"));
    const before = await loadCheckpoint(at("runs", "pretrain"));
    // The preset judges the student.
    const student = withoutPrefix("backbone.", before.state.student);
    expect(Object.keys(backbone.params).sort()).toEqual(Object.keys(student).sort());
    for (const [name, tensor] of Object.entries(student)) {
      expect([...((await backbone.params[name]?.data()) ?? [])], name).toEqual([...(await tensor.data())]);
    }

    expect((await run("export runs/finetune --to classifier --quiet")).code).toBe(0);
    const model = await fromPretrained(at("classifier"));
    expect(model.config.labels).toEqual(["blue", "red"]);
    const { imageSize, channels = 3 } = model.config.backbone;
    expect(model.preprocessing?.size).toBe(imageSize);
    const images = tf.zeros<tf.Rank.R4>([2, imageSize, imageSize, channels]);
    expect(model.classify(images).shape).toEqual([2, 2]);
  }, 180_000);

  it("names what is wrong, and replaces no folder of something else", async () => {
    const photos = await run("export runs/pretrain --to photos");
    expect([photos.code, photos.err]).toEqual([2, expect.stringContaining("--to: expected a new folder")]);
    expect(existsSync(at("photos", "red"))).toBe(true);
    const none = await run("export runs/none --to other");
    expect([none.code, none.err]).toEqual([expect.any(Number), expect.stringContaining("run ")]);
    expect(none.code).not.toBe(0);
    expect((await run("export runs/pretrain")).err).toContain(
      "required option '--to <folder>' not specified",
    );
  });
});
