// What goes wrong within a run's own process.
import { openSync } from "node:fs";
import { maskedL1 } from "@sitjs/losses";
import * as tf from "@tensorflow/tfjs";

/** @typedef {"not finite" | "handles" | "heap" | "clock"} Trouble */

/**
 * From here on: no file can be opened; the heap is used up; the clock jumps. A loss that is not finite comes by
 * `lossUntil` instead.
 *
 * @param {Trouble} kind
 */
export function beginTrouble(kind) {
  if (kind === "handles") useUpHandles();
  else if (kind === "heap") useUpHeap();
  else if (kind === "clock") jumpClock();
}

/**
 * A loss of a user's own with a hole: from its call `call` on, one a step, it holds 0 times the logarithm of 0.
 *
 * @param {number} call from 0
 */
export function lossUntil(call) {
  const usual = maskedL1();
  let calls = 0;
  return {
    name: "with a hole",
    /** @type {typeof usual.loss} */
    loss(...inputs) {
      const loss = usual.loss(...inputs);
      return calls++ < call ? loss : tf.mul(loss, tf.mul(0, tf.log(tf.zerosLike(loss))));
    },
  };
}

function useUpHandles() {
  try {
    for (;;) openSync("/dev/null", "r");
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EMFILE") throw error;
  }
}

function useUpHeap() {
  const kept = [];
  for (;;) kept.push(Array.from({ length: 1000 }, () => ({ kept })));
}

/** Every look at the time of day is years from the one before. */
function jumpClock() {
  const years = 5 * 365 * 86_400_000;
  let looks = 0;
  const told = (milliseconds) => milliseconds + (looks++ % 2 === 0 ? years : -years);
  globalThis.Date = new Proxy(Date, {
    construct: (real, values) =>
      values.length === 0 ? new real(told(real.now())) : Reflect.construct(real, values),
    get: (real, key) => (key === "now" ? () => told(real.now()) : Reflect.get(real, key)),
  });
}
