/** What an iteration takes its items from; opened for each iteration. */
export interface StepSource<Made, Item> {
  /** How many steps are being made at a time, at most. */
  readonly depth: number;
  /** Others make the steps: the next is begun as soon as one is done, not only when it is asked for. */
  readonly eager: boolean;
  make(step: number): Promise<Made>;
  /** Called in the order of the steps; undefined: nothing is given for this step. */
  finish(step: number, made: Made): Item | undefined;
  /** Called once, when no more steps are wanted; those being made are given up. */
  close(): Promise<void>;
}

interface Waiting<Item> {
  resolve(result: IteratorResult<Item, undefined>): void;
  reject(error: unknown): void;
}

const DONE = { done: true, value: undefined } as const;

/**
 * Gives the steps `start` to `end` - 1 of a source, in order, made ahead. Unlike an async generator it can be ended while
 * a step is waited for: `return` ends the waiting `next` without an item, and an abort of `signal` rejects it with the
 * signal's reason at once, while the source is being closed. An error, the end and `return` wait until it is closed.
 */
export function stepIterator<Made, Item>(
  start: number,
  end: number,
  open: () => Promise<StepSource<Made, Item>>,
  signal?: AbortSignal,
): AsyncIterableIterator<Item, undefined> {
  const ahead: { readonly step: number; readonly made: Promise<Made> }[] = [];
  const waiting = new Set<Waiting<Item>>();
  let next = start;
  let opening: Promise<StepSource<Made, Item>> | undefined;
  let closing: Promise<void> | undefined;
  let begun = false;
  let aborted = false;
  let last: Promise<void> = Promise.resolve();

  const fill = ({ depth, make }: StepSource<Made, Item>) => {
    for (; ahead.length < depth && next < end; next++) {
      const made = make(next);
      // It is looked at when its turn comes; until then a failure must not end the process.
      made.catch(() => undefined);
      ahead.push({ step: next, made });
    }
  };
  const take = async (): Promise<IteratorResult<Item, undefined>> => {
    if (closing) return DONE;
    opening ??= open();
    const source = await opening;
    while (!closing) {
      fill(source);
      const [first] = ahead;
      if (first === undefined) break;
      const made = await first.made;
      if (closing) break;
      ahead.shift();
      if (source.eager) fill(source);
      const item = source.finish(first.step, made);
      if (item !== undefined) return { done: false, value: item };
    }
    await close();
    return DONE;
  };
  const close = (): Promise<void> => {
    closing ??= (async () => {
      signal?.removeEventListener("abort", onAbort);
      ahead.length = 0;
      const source = await opening?.catch(() => undefined); // told to whoever waits for the first step
      await source?.close();
    })();
    return closing;
  };
  const onAbort = () => {
    aborted = waiting.size === 0;
    for (const { reject } of waiting) reject(signal?.reason);
    waiting.clear();
    void close();
  };

  return {
    next() {
      if (signal?.aborted && closing === undefined) onAbort();
      if (aborted) {
        aborted = false;
        return Promise.reject(signal?.reason);
      }
      if (!begun && closing === undefined) signal?.addEventListener("abort", onAbort, { once: true });
      begun = true;
      return new Promise((resolve, reject) => {
        const one = { resolve, reject };
        waiting.add(one);
        // Out of the list first: whoever gets a step may abort in the same turn, when nobody waits any more.
        const settle = (tell: () => void) => {
          waiting.delete(one);
          tell();
        };
        last = last.then(take).then(
          (result) => settle(() => resolve(result)),
          (error: unknown) => close().then(() => settle(() => reject(error))),
        );
      });
    },
    async return() {
      const closed = close();
      for (const { resolve } of waiting) resolve(DONE);
      waiting.clear();
      await closed;
      return DONE;
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
