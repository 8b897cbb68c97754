import type { EventEmitter } from "node:events";
import { SitError } from "@sitjs/core/errors";
import * as tf from "@tensorflow/tfjs";

/** tfjs's plain JavaScript backend. */
export async function loadCpu(): Promise<void> {
  await start("cpu");
  // The backend greets on its first use under Node, naming an install that this package does better.
  Object.assign(tf.backend(), { firstUse: false });
}

/** tfjs's WebAssembly backend: SIMD where the processor has it; it runs on one thread under Node. */
export async function loadWasm(): Promise<void> {
  const emitter: EventEmitter = process;
  const events = ["uncaughtException", "unhandledRejection"];
  const before = new Set(events.flatMap((event) => emitter.listeners(event)));
  await import("@tensorflow/tfjs-backend-wasm");
  await start("wasm");
  // Emscripten's start-up code puts handlers on the process that turn any rejection of the application into
  // "RuntimeError: abort"; the application's own handlers stay.
  for (const event of events) {
    for (const listener of emitter.listeners(event)) {
      if (!before.has(listener)) emitter.removeListener(event, listener as (...values: unknown[]) => void);
    }
  }
}

async function start(backend: "cpu" | "wasm"): Promise<void> {
  let started = false;
  try {
    started = await tf.setBackend(backend);
    await tf.ready();
  } catch (error) {
    throw new SitError("engine-unavailable", `tfjs's ${backend} backend did not start: ${String(error)}`, {
      cause: error,
    });
  }
  if (!started) throw new SitError("engine-unavailable", `tfjs's ${backend} backend did not start`);
}
