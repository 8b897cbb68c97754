import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { randomStream } from "@sitjs/core/random";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { runsFolder } from "./testing.js";

const names = ["red", "green", "blue"];

/** Noise, with a strong shade of each colour that it shows; all eight combinations of the three. */
async function paint(at: (...path: string[]) => string): Promise<void> {
  mkdirSync(at("images"));
  const shown: Record<string, string[]> = {};
  for (let i = 0; i < 48; i++) {
    const rng = randomStream(0, "paint", i);
    const bits = names.filter((_, bit) => (i >> bit) & 1);
    const level = (channel: number) => (bits.includes(names[channel] as string) ? 170 : 30);
    const data = Uint8Array.from({ length: 16 * 16 * 3 }, (_, k) => level(k % 3) + rng.integer(0, 60));
    shown[`${i}.png`] = bits;
    await sharp(data, { raw: { width: 16, height: 16, channels: 3 } })
      .png()
      .toFile(at("images", `${i}.png`));
  }
  const part = (odd: number) => Object.entries(shown).filter((_, i) => Math.floor(i / 8) % 2 === odd);
  const csv = part(0).map(([file, labels]) => `${file},${labels.join("|")}\n`);
  writeFileSync(at("train.csv"), `file,labels\n${csv.join("")}`);
  writeFileSync(at("test.json"), JSON.stringify(Object.fromEntries(part(1))));
}

const { at, json, run, checkpoints } = runsFolder("multilabel", paint);
const network =
  "--image-size 16 --patch-size 8 --width 16 --depth 1 --heads 2 --batch-size 8 --engine wasm --workers 0 --statistics dataset --drop-path 0 --crop-scale 1 --learning-rate 0.1 --label-smoothing 0";

describe("sit multilabel", () => {
  it("learns what images show, tells it by class, and goes on as if it had not stopped", async () => {
    const data = "--data images --labels train.csv --test-labels test.json";
    const whole = `multilabel ${data} --from-scratch ${network} --epochs 40 --checkpoint-steps 50 --keep-checkpoints 9`;
    const ended = await run(`${whole} --out whole --json`);
    expect(ended).toMatchObject({ code: 0, err: "" });
    const summary = json("whole", "summary.json");
    expect(summary).toMatchObject({ command: "multilabel", labels: 24, testImages: 24, guessing: 0.5 });
    expect(summary.classes.map(({ name }: { name: string }) => name)).toEqual(["blue", "green", "red"]);
    for (const { averagePrecision, positives, counted } of summary.classes) {
      expect(averagePrecision).toBeGreaterThan(0.8);
      expect([positives, counted]).toEqual([12, 24]);
    }
    expect(json("whole", "report.json").multiLabel).toMatchObject({ mean: summary.meanAveragePrecision });
    expect(JSON.parse(ended.out.trimEnd().split("\n").at(-1) as string)).toMatchObject({
      meanAveragePrecision: summary.meanAveragePrecision,
    });

    // Folders for elsewhere say that each class is a question of its own.
    for (const [command, folder] of [
      ["export whole --to folder", "folder"],
      ["onnx whole --out onnx", "onnx"],
    ] as const) {
      expect((await run(command)).code).toBe(0);
      expect(json(folder, "config.json")).toMatchObject({ problem_type: "multi_label_classification" });
    }

    // The last checkpoint goes: --resume alone knows images and labels again.
    rmSync(at("whole", "summary.json"));
    const [last, before] = checkpoints("whole");
    expect(before.step).toBeLessThan(last.step);
    rmSync(last.path, { recursive: true });
    const resumed = await run("multilabel --resume --out whole");
    expect(resumed.code).toBe(0);
    expect(resumed.err).toContain(`Going on after step ${before.step} of ${last.step}`);
    expect(checkpoints("whole")[0].file.sha256).toBe(last.file.sha256);
    const { seconds, peakMemoryMB, ...same } = json("whole", "summary.json");
    expect(summary).toMatchObject(same);
    expect(resumed.out).toContain("Mean average precision");

    // Other labels are another run.
    rmSync(at("whole", "summary.json"));
    writeFileSync(at("other.csv"), "file,labels\n0.png,red\n1.png,blue\n2.png,green\n");
    const other = await run("multilabel --resume --out whole --labels other.csv");
    expect(other.code).toBe(2);
    expect(other.err).toMatch(
      /--resume: expected the settings that the run .* began with: --data images .*images fewer/,
    );
  });

  it("refuses to begin without labels", async () => {
    const { code, err } = await run(`multilabel --data images --from-scratch ${network} --out refused`);
    expect(err).toMatch(/^sit: --labels: expected a file or folder of annotations, got none/);
    expect(code).toBe(2);
  });
});
