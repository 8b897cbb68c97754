import { randomNormal, randomStream } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { engines } from "../../../fixtures/engines.js";
import { gmml } from "./index.js";

// Written down from this implementation: a change here changes every run. In a browser the same must come out.
const masks = [
  "...###......",
  "..####..##..",
  "...###..##..",
  ".###..#####.",
  ".###..#####.",
  "###########.",
  "#..######..#",
  "...####....#",
  "##.######..#",
  "##.##.######",
  "...##....###",
  ".....#...###",
  "",
  "##.###....#.",
  "######......",
  "#..###.#....",
  "######.###.#",
  "##########.#",
  "##..########",
  "############",
  "#####....###",
  "#####....###",
  "####.....###",
  "####..##..#.",
  "####..#####.",
];

for (const engine of await engines({ cpu: true })) {
  describe(`random numbers on ${engine.name}`, () => {
    beforeAll(() => engine.use());

    test("give the same masks, to the bit, wherever they are drawn", () => {
      const { mask } = gmml({ noise: {} }).corrupt(tf.zeros([2, 12, 12, 1]), randomStream(0, "pinned"));
      const pictures = (mask.arraySync() as number[][][][]).map((rows) =>
        rows.map((row) => row.map(([value]) => (value === 1 ? "#" : ".")).join("")),
      );
      expect(pictures.map((rows) => rows.join("\n")).join("\n\n")).toBe(masks.join("\n"));
    });

    test("give the same noise, to the bit", () => {
      expect([...randomNormal([4], randomStream(0, "pinned")).dataSync()]).toEqual([
        0.29900097846984863, -1.6550300121307373, 0.9049932360649109, -0.1639486402273178,
      ]);
      expect([...randomStream(0, "pinned").fillNormal(new Float32Array(4))]).toEqual([
        -0.5943989753723145, 0.088962621986866, 0.5180491209030151, 0.5814359188079834,
      ]);
    });
  });
}
