import { SitError } from "@sitjs/core/errors";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, it, vi } from "vitest";
import { diagnoseOn } from "./diagnose.js";
import { nodeHost } from "./host.js";
import { installEngine, installedEngine } from "./install.js";
import { fakeHost } from "./testing/fake-host.js";
import { temporaryFolders } from "./testing/temporary.js";
import type { EngineName } from "./types.js";
import { type Loaders, useEngine, useEngineOn } from "./use-engine.js";

const temporary = temporaryFolders();

/** Loaders of a machine that has only the named engines. */
function having(...names: EngineName[]): { loaders: Loaders; tried: string[] } {
  const tried: string[] = [];
  const attempt = async (name: EngineName) => {
    tried.push(name);
    if (!names.includes(name))
      throw new SitError("engine-unavailable", `${name} is missing`, { mend: "mend it" });
  };
  const loaders: Loaders = {
    findGpu: async () => ({ name: "a card", driver: "1" }),
    native: async (variant, host) => {
      await attempt(variant === "gpu" ? "tfjs-node-gpu" : "tfjs-node");
      return {
        tensorflow: "2.21.0",
        usesGpu: variant === "gpu",
        threads: Number(host.env.TF_NUM_INTRAOP_THREADS) || host.cores,
      };
    },
    wasm: () => attempt("wasm"),
    cpu: () => attempt("cpu"),
  };
  return { loaders, tried };
}

describe("useEngine", () => {
  it("takes the fastest there is and says once why not a faster one", async () => {
    const { loaders, tried } = having("wasm", "cpu");
    const lines: string[] = [];
    const engine = await useEngineOn(fakeHost(), loaders, { onNotice: (line) => lines.push(line) });
    expect(tried).toEqual(["tfjs-node-gpu", "tfjs-node", "wasm"]);
    expect(engine).toMatchObject({ name: "wasm", backend: "wasm", native: false, cores: 1, kernels: [] });
    expect(lines).toEqual([engine.note]);
    expect(engine.note).toMatch(/WebAssembly.*slower.*sit engine install.*tfjs-node is missing/);
  });

  it("does not speak of a card where there is no driver", async () => {
    const { loaders } = having("tfjs-node");
    loaders.findGpu = async () => undefined;
    const engine = await useEngineOn(fakeHost(), loaders, { onNotice: () => undefined });
    expect(engine.note).toBe("Engine: TensorFlow 2.21.0 on 4 cores, native.");
  });

  it("takes the card first", async () => {
    const { loaders } = having("tfjs-node-gpu", "tfjs-node", "wasm", "cpu");
    const engine = await useEngineOn(fakeHost(), loaders, { onNotice: () => undefined });
    expect(engine).toMatchObject({ name: "tfjs-node-gpu", device: "a card", native: true });
  });

  it.each(["tfjs-node-gpu", "tfjs-node", "wasm", "cpu"] as const)(
    "never falls back from %s",
    async (prefer) => {
      const others = (["tfjs-node-gpu", "tfjs-node", "wasm", "cpu"] as const).filter(
        (name) => name !== prefer,
      );
      const { loaders, tried } = having(...others);
      const lines: string[] = [];
      const starting = useEngineOn(fakeHost(), loaders, { prefer, onNotice: (line) => lines.push(line) });
      await expect(starting).rejects.toMatchObject({ code: "engine-unavailable", mend: "mend it" });
      expect(tried).toEqual([prefer]);
      expect(lines).toEqual([]);
    },
  );

  it("refuses options it does not know", async () => {
    const wrong = { prefer: "webgpu" } as unknown as { prefer: "auto" };
    await expect(useEngine(wrong)).rejects.toThrow(/prefer: expected "auto" or one of .*, got "webgpu"/);
    await expect(useEngine({ threads: 0 })).rejects.toThrow(/threads: expected a positive integer, got 0/);
  });

  it("gives TensorFlow its threads, and leaves a log level the user has set", async () => {
    const host = fakeHost({}, { env: { TF_CPP_MIN_LOG_LEVEL: "0" } });
    const engine = await useEngineOn(host, having("tfjs-node").loaders, { prefer: "tfjs-node", threads: 3 });
    expect(engine.cores).toBe(3);
    expect(host.env).toMatchObject({
      TF_NUM_INTRAOP_THREADS: "3",
      OMP_NUM_THREADS: "3",
      TF_CPP_MIN_LOG_LEVEL: "0",
    });
  });

  it("names the install where no native engine is", async () => {
    const starting = useEngine({ prefer: "tfjs-node", cacheDir: await temporary() });
    await expect(starting).rejects.toMatchObject({
      code: "engine-unavailable",
      message: expect.stringContaining("no native cpu engine"),
      mend: expect.stringContaining("sit engine install"),
    });
  });
});

async function product(): Promise<number[]> {
  const result = tf.tidy(() =>
    tf.matMul(
      tf.tensor2d([
        [1, 2],
        [3, 4],
      ]),
      tf.tensor2d([
        [5, 6],
        [7, 8],
      ]),
    ),
  );
  const values = [...(await result.data())];
  result.dispose();
  return values;
}

describe("on this machine", () => {
  it.each(["cpu", "wasm"] as const)("%s loads and multiplies, without tfjs's greeting", async (prefer) => {
    const warn = vi.spyOn(console, "warn");
    const listeners = process.listenerCount("unhandledRejection");
    const engine = await useEngine({ prefer });
    expect(engine).toMatchObject({ name: prefer, backend: prefer, native: false });
    expect(tf.getBackend()).toBe(prefer);
    expect(await product()).toEqual([19, 22, 43, 50]);
    expect(warn).not.toHaveBeenCalled();
    expect(process.listenerCount("unhandledRejection")).toBe(listeners);
    warn.mockRestore();
  });

  it("the native engine is installed once and computes, gradients too", {
    timeout: 600_000,
  }, async (context) => {
    try {
      await installEngine();
    } catch (error) {
      // Runs wherever the engine can be had: not out of network, out of disk, or without a compiler.
      if (SitError.isInstance(error)) context.skip(error.message);
      throw error;
    }
    const engine = await useEngine({ prefer: "tfjs-node" });
    expect(engine).toMatchObject({ name: "tfjs-node", backend: "tensorflow", native: true });
    expect(engine.tensorflow).toMatch(/^2\.\d+/);
    expect(await product()).toEqual([19, 22, 43, 50]);
    const gradient = tf.tidy(() => tf.grad((x) => tf.mean(tf.square(x)))(tf.tensor1d([1, 2, 3, 4])));
    expect([...(await gradient.data())]).toEqual([0.5, 1, 1.5, 2]);
    // TopK and string tensors are where tfjs-node calls the removed util functions.
    const { values } = tf.topk(tf.tensor1d([3, 1, 2]), 2);
    expect([...(await values.data())]).toEqual([3, 2]);
    tf.dispose([gradient, values]);
    expect(await useEngine({ prefer: "tfjs-node" })).toEqual(engine);
    const threads = engine.cores + 1;
    await expect(useEngine({ prefer: "tfjs-node", threads })).rejects.toThrow(
      /threads: expected .* already loaded/,
    );
    expect(await installedEngine()).toMatchObject({ tensorflow: engine.tensorflow });
  });
});

describe("diagnose", () => {
  it("says of each engine that it is there, or why not and what to do", async () => {
    const host = fakeHost({}, { env: { SITJS_CACHE: await temporary() } });
    const { engines, compiler, pip, freeBytes } = await diagnoseOn(host, {});
    expect(engines.map(({ name, available }) => [name, available])).toEqual([
      ["tfjs-node-gpu", false],
      ["tfjs-node", false],
      ["wasm", true],
      ["cpu", true],
    ]);
    for (const { available, reason, mend } of engines) expect(available || (reason && mend)).toBeTruthy();
    expect([compiler, pip, freeBytes]).toEqual([undefined, undefined, 100e9]);
  });

  it("knows this machine", async () => {
    const found = await diagnoseOn(nodeHost(), { cacheDir: await temporary() });
    expect(found).toMatchObject({ node: process.versions.node, platform: process.platform });
    expect(found.npm?.version).toMatch(/^\d+\./);
    expect(found.cores).toBeGreaterThan(0);
  });
});
