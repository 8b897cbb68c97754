// Our side of the benchmark: JSON lines in, JSON lines out; ../lib/side.mjs has the messages.
import { writeFileSync } from "node:fs";
import { useEngine } from "@sitjs/engine";
import { residentMemory } from "./memory.mjs";
import { fastestProduct } from "./products.mjs";
import { serve } from "./serve.mjs";
import { makeStep } from "./step.mjs";

/** @type {import("./step.mjs").Step} */
let step;

/** @type {Record<string, (message: any) => Promise<object>>} */
const handlers = {
  async hello({ threads }) {
    const { name, tensorflow, kernels, cores, note } = await useEngine({ prefer: "tfjs-node", threads });
    return { node: process.versions.node, engine: name, tensorflow, kernels, threads: cores, note };
  },
  async start({ workload, precision, seed }) {
    step = makeStep(workload, precision, seed);
    return { ...residentMemory(), views: step.views };
  },
  /** Parameters, views and corruption into a file for the other side; `run` then keeps that corruption. */
  async give({ file }) {
    writeFileSync(file, await step.given());
    return {};
  },
  async run({ steps }) {
    const [times, cpu, values] = [[], [], []];
    for (let i = 0; i < steps; i++) {
      const [begin, beginCpu] = [performance.now(), process.cpuUsage()];
      values.push(await step.run());
      times.push(performance.now() - begin);
      const { user, system } = process.cpuUsage(beginCpu);
      cpu.push((user + system) / 1e3);
    }
    return { times, cpu, values };
  },
  async memory() {
    return residentMemory();
  },
  async products({ precision, sizes }) {
    return { gflops: fastestProduct(precision, sizes) };
  },
};

await serve(handlers);
process.exit(0);
