import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { randomStream } from "@sitjs/core";
import { closeness } from "@sitjs/core/testing";
import { classifierHead } from "@sitjs/vit";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { network, pictures, planes, scattered, small, tolerance } from "../test/networks.js";
import { type ExportOnnxOptions, exportOnnx } from "./index.js";

const script = fileURLToPath(new URL("../test/check_model.py", import.meta.url));

/** A Python with both packages, or undefined. */
function findPython(): string | undefined {
  return [process.env.SITJS_ONNX_PYTHON, process.env.SITJS_PYTHON, "python3"]
    .filter((command) => command !== undefined)
    .find((command) => spawnSync(command, ["-c", "import onnx, onnxruntime"]).status === 0);
}

const everything = {
  ...small,
  channels: 1,
  positions: "none",
  relativePositions: true,
  qkvBias: "query-value",
  layerScale: 0.1,
} as const;

describe("a file", () => {
  beforeAll(async () => {
    await tf.setBackend("cpu");
  });

  it("passes ONNX's full check and gives the same in Python's onnxruntime", async ({ skip }) => {
    const python = findPython();
    if (python === undefined) return skip("no Python with onnx and onnxruntime here (SITJS_ONNX_PYTHON)");
    const folder = mkdtempSync(join(tmpdir(), "sit-onnx-"));
    try {
      const cases: { file: string; input: string; shape: readonly number[] }[] = [];
      const wanted: { opset: number; shape: number[]; values: ArrayLike<number> }[] = [];
      for (const opset of [17, 18, 19, 20, 21]) {
        for (const options of [small, everything]) {
          const { backbone, params } = network(options);
          const images = pictures(3, 16, options.channels);
          const { tokens } = backbone.apply(params, images, { train: false });
          const head = { kind: "two-layer", classes: 5 } as const;
          const module = classifierHead({ ...head, width: 24 });
          const own = scattered(module.init(randomStream(4)), "head");
          const logits = module.apply(own, tokens, { train: false }).output;
          const kinds: [Partial<ExportOnnxOptions>, tf.Tensor][] = [
            [{ output: "tokens" }, tokens],
            [{ head: { options: head, params: own } }, logits],
          ];
          for (const [kind, expected] of kinds) {
            const name = `${cases.length}`;
            writeFileSync(
              join(folder, `${name}.onnx`),
              await exportOnnx({ backbone: options, params, opset, ...kind }),
            );
            const { data, dims } = await planes(images);
            writeFileSync(join(folder, `${name}.bin`), new Uint8Array(data.buffer));
            cases.push({ file: `${name}.onnx`, input: `${name}.bin`, shape: dims });
            wanted.push({ opset, shape: expected.shape, values: await expected.data() });
          }
        }
      }
      writeFileSync(join(folder, "cases.json"), JSON.stringify(cases));
      const { status, stdout, stderr } = spawnSync(python, [script, folder], {
        encoding: "utf8",
        maxBuffer: 2 ** 26,
      });
      expect(stderr).toBe("");
      expect(status).toBe(0);
      const results = JSON.parse(stdout);
      expect(results).toHaveLength(20);
      for (const [i, { opset, shape, values }] of wanted.entries()) {
        expect(results[i].opset).toBe(opset);
        const [output] = Object.values(results[i].outputs) as { shape: number[]; values: number[] }[];
        expect(output?.shape).toEqual(shape);
        const { maxAbsolute } = closeness(output?.values ?? [], values);
        expect(maxAbsolute).toBeLessThan(tolerance);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 60_000);
});
