/** A program one of whose threads waits for the system for ever; it tells what happens and comes to its end. */
import { evalView, moduleTransform } from "@sitjs/augment";
import type { SitError } from "@sitjs/core/errors";
import { memoryDataset } from "../src/index.js";
import { createPool } from "../src/pool.js";

const [url, counter] = process.argv.slice(2) as [string, string];
const pixels = Uint8Array.of(0, 1, 2, 3);
const { storage, name } = memoryDataset({ pixels, width: 1, height: 1, channels: 1 });
const [view] = evalView({ size: 1, mean: [0], deviation: [1] });
const options = { fault: "pipe", image: 2, times: 2, counter };
const pool = createPool({
  storage,
  name,
  seed: 0,
  badImages: "throw",
  views: [{ ...view, transforms: [moduleTransform({ url, options })] }],
  workers: 1,
  workerUrl: undefined,
  workerTimeout: 3,
  patience: 1000,
});
try {
  await pool.make({ epoch: 0, indices: Int32Array.of(0, 1, 2, 3) });
} catch (error) {
  const { code, message } = error as SitError;
  console.log(`${code}: ${message}`);
}
await pool.close();
console.log("closed");
