// Where the time of a piece of work goes, by TensorFlow operation. tfjs-node calls everything through its addon's
// `executeOp`, and operations on a processor are done when that call returns, so wrapping it is enough.

/**
 * @typedef {{ name: string, calls: number, milliseconds: number, processorMilliseconds: number, pageFaults: number }}
 *   OperationTime one operation: its calls, its time by the clock, and what its calls cost in processor time of all
 *   threads and in pages that memory was mapped anew for
 * @typedef {{ operations: OperationTime[], milliseconds: number, processorMilliseconds: number, pageFaults: number }}
 *   Profile operations with the slowest first, and the same three of the whole work
 */

/** What the addon does beside running operations, in words. */
const services = { createTensor: "(upload)", tensorDataSync: "(read)", deleteTensor: "(free)" };

/**
 * Runs `work` and says what its operations took.
 *
 * @param {{ binding: Record<string, any> }} backend tfjs-node's backend, `tf.backend()`
 * @param {() => void} work what is profiled; it computes at once and awaits nothing
 * @param {{ shapes?: boolean }} options `shapes`: tell calls of one operation apart by the shapes of their inputs
 * @returns {Profile}
 */
export function operationTimes(backend, work, { shapes = false } = {}) {
  const { binding } = backend;
  /** @type {Map<string, OperationTime>} */
  const operations = new Map();
  /** Shapes by the addon's number of a tensor; of those only that are made while we look. */
  const known = new Map();
  // The addon's own properties cannot be written, so the backend gets a stand-in that inherits from it.
  const wrapped = Object.create(binding);
  const wrap = (name, label) => {
    const value = (...args) => {
      const key = label(args);
      const start = now();
      const result = binding[name](...args);
      add(operations, key, difference(start, now()));
      remember(known, name, args, result);
      return result;
    };
    Object.defineProperty(wrapped, name, { value });
  };
  wrap("executeOp", ([name, , inputs]) => {
    if (!shapes) return name;
    return `${name} ${inputs.map((id) => `[${known.get(id) ?? "?"}]`).join(" ")}`;
  });
  for (const [name, words] of Object.entries(services)) wrap(name, () => words);
  backend.binding = wrapped;
  const start = now();
  try {
    work();
  } finally {
    backend.binding = binding;
  }
  const whole = difference(start, now());
  return {
    operations: [...operations.values()].sort((a, b) => b.milliseconds - a.milliseconds),
    ...whole,
  };
}

function remember(known, name, args, result) {
  if (name === "executeOp") for (const { id, shape } of result) known.set(id, shape);
  else if (name === "createTensor") known.set(result, args[0]);
  else if (name === "deleteTensor") known.delete(args[0]);
}

function now() {
  const { userCPUTime, systemCPUTime, minorPageFault } = process.resourceUsage();
  return { time: performance.now(), processor: userCPUTime + systemCPUTime, faults: minorPageFault };
}

function difference(start, end) {
  return {
    milliseconds: end.time - start.time,
    processorMilliseconds: (end.processor - start.processor) / 1000,
    pageFaults: end.faults - start.faults,
  };
}

function add(operations, name, cost) {
  const sum = operations.get(name) ?? {
    name,
    calls: 0,
    milliseconds: 0,
    processorMilliseconds: 0,
    pageFaults: 0,
  };
  operations.set(name, {
    name,
    calls: sum.calls + 1,
    milliseconds: sum.milliseconds + cost.milliseconds,
    processorMilliseconds: sum.processorMilliseconds + cost.processorMilliseconds,
    pageFaults: sum.pageFaults + cost.pageFaults,
  });
}
