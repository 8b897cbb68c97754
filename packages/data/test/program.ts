/** A program that takes one batch and neither closes the iterator nor ends the process. */
import { sitViews } from "@sitjs/augment";
import { batches, memoryDataset } from "../src/index.js";

const dataset = memoryDataset({ pixels: new Uint8Array(20 * 64), width: 8, height: 8, channels: 1 });
const views = sitViews({ size: 8, preset: "small" });
const loader = batches(dataset, { views, batchSize: 10, workers: 2, epochs: 100 });
const { value } = await loader[Symbol.asyncIterator]().next();
console.log(`step ${value.step} of ${dataset.length} images`);
