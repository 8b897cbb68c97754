import { PerformanceObserver } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import { getHeapStatistics } from "node:v8";

/** What one call took. */
export interface Cost {
  /** On the clock. */
  readonly milliseconds: number;
  /**
   * Bytes that the heap and the memory of arrays have grown by: what was allocated, since garbage is counted as long as
   * nothing is collected.
   */
  readonly allocated: number;
  /** Of `performance.now()`, to know collections within it. */
  readonly start: number;
  readonly end: number;
}

/** In bytes. Arrays' memory counts when it is reserved, not when it is touched. */
function memory(): number {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}

/** Runs `work` and says what it took; `work` does not throw. */
export async function measure<T>(work: () => T | Promise<T>): Promise<{ value: T; cost: Cost }> {
  const before = memory();
  const start = performance.now();
  let value = work();
  if (value instanceof Promise) value = await value;
  const end = performance.now();
  return { value: value as T, cost: { milliseconds: end - start, allocated: memory() - before, start, end } };
}

/** Knows when garbage was collected: growth that is measured over a collection says nothing. */
export class Collections {
  #times: number[] = [];
  readonly #observer = new PerformanceObserver((list) => {
    for (const { startTime } of list.getEntries()) this.#times.push(startTime);
  });

  constructor() {
    this.#observer.observe({ entryTypes: ["gc"] });
  }

  /** The start of each collection since the last call, ascending; waits until all have been reported. */
  async take(): Promise<number[]> {
    // Reports come with the event loop's next turns.
    await setImmediate();
    await setImmediate();
    const times = this.#times;
    this.#times = [];
    return times;
  }

  close(): void {
    this.#observer.disconnect();
  }
}
