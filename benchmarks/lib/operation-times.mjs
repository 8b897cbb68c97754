// Where the time of a piece of work goes, by TensorFlow operation. tfjs-node calls everything through its addon, and
// operations on a processor are done when the call returns, so a stand-in for the addon sees all.

/**
 * @typedef {{ milliseconds: number, processorMilliseconds: number, pageFaults: number }} Cost time by the clock,
 *   processor time of all threads, and pages of memory that were mapped anew
 * @typedef {{ name: string, calls: number } & Cost} OperationCost
 * @typedef {{ operations: OperationCost[], whole: Cost }} Profile the slowest operation first
 */

/** What the addon does beside running operations, in words. */
const services = { createTensor: "(upload)", tensorDataSync: "(read)", deleteTensor: "(free)" };

/**
 * Watches a backend from now on.
 *
 * @param {{ binding: Record<string, any> }} backend tfjs-node's, `tf.backend()`
 * @param {{ shapes?: boolean }} options `shapes`: tell calls of one operation apart by the shapes of their inputs
 * @returns {{ profile(work: () => Promise<void>): Promise<Profile> }} `profile` runs `work`, beside which nothing runs
 */
export function watchOperations(backend, { shapes = false } = {}) {
  const { binding } = backend;
  /** @type {Map<string, OperationCost>} */
  const costs = new Map();
  /** Shapes by the addon's number of a tensor. */
  const known = new Map();
  // The addon's own properties cannot be written, so the stand-in inherits from it.
  const watched = Object.create(binding);
  const watch = (name, label, remember) => {
    const value = (...args) => {
      const key = label(args);
      const start = spent();
      const result = binding[name](...args);
      add(costs, key, start);
      if (shapes) remember(args, result);
      return result;
    };
    Object.defineProperty(watched, name, { value });
  };
  watch(
    "executeOp",
    ([name, , inputs]) => (shapes ? `${name} ${shapesInWords(inputs.map((id) => known.get(id)))}` : name),
    (_, outputs) => {
      for (const { id, shape } of outputs) known.set(id, shape);
    },
  );
  const remember = {
    createTensor: ([shape], id) => known.set(id, shape),
    deleteTensor: ([id]) => known.delete(id),
    tensorDataSync: () => {},
  };
  for (const [name, words] of Object.entries(services)) watch(name, () => words, remember[name]);
  backend.binding = watched;
  return {
    async profile(work) {
      costs.clear();
      const start = spent();
      await work();
      const whole = since(start);
      return { operations: [...costs.values()].sort((a, b) => b.milliseconds - a.milliseconds), whole };
    },
  };
}

/** "[64,65,192] [768,192] [768]"; of the optimizer's hundreds of inputs the first few. */
function shapesInWords(shapes) {
  const words = shapes.slice(0, 5).map((shape) => `[${shape}]`);
  return shapes.length > 5 ? `${words.join(" ")} and ${shapes.length - 5} more` : words.join(" ");
}

/** The sum of several costs. */
export function totalCost(costs) {
  const total = (key) => costs.reduce((sum, cost) => sum + cost[key], 0);
  return {
    calls: total("calls"),
    milliseconds: total("milliseconds"),
    processorMilliseconds: total("processorMilliseconds"),
    pageFaults: total("pageFaults"),
  };
}

/** @returns {Cost} of this process until now */
function spent() {
  const { userCPUTime, systemCPUTime, minorPageFault } = process.resourceUsage();
  const processorMilliseconds = (userCPUTime + systemCPUTime) / 1000;
  return { milliseconds: performance.now(), processorMilliseconds, pageFaults: minorPageFault };
}

function since(start) {
  const end = spent();
  return {
    milliseconds: end.milliseconds - start.milliseconds,
    processorMilliseconds: end.processorMilliseconds - start.processorMilliseconds,
    pageFaults: end.pageFaults - start.pageFaults,
  };
}

function add(costs, name, start) {
  const cost = { calls: 1, ...since(start) };
  const before = costs.get(name);
  costs.set(name, { name, ...(before ? totalCost([before, cost]) : cost) });
}
