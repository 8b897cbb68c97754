// Images per second of the loader, Fashion-MNIST with SiT's two views: node packages/data/bench/loader.mjs [seconds]
// Build the packages first. Nothing but loading happens, so this is the most that training can be fed.
import { evalView, sitViews } from "@sitjs/augment";
import { batches, fashionMnist } from "@sitjs/data";

const seconds = Number(process.argv[2] ?? 4);
const dataset = await fashionMnist({ split: "train", onNotice: (notice) => console.error(notice) });
const statistics = { mean: [0.286], deviation: [0.353] };
const pipelines = {
  "two views, small": sitViews({ size: 28, preset: "small", ...statistics }),
  "two views, standard": sitViews({ size: 28, ...statistics }),
  "one view, evaluation": evalView({ size: 28, ...statistics }),
};

console.log(`${dataset.name} from ${dataset.source.origin}, batches of 64, images per second`);
for (const [name, views] of Object.entries(pipelines)) {
  for (const workers of [0, 1, 2]) {
    const loader = batches(dataset, { views, batchSize: 64, workers, epochs: Number.POSITIVE_INFINITY });
    let images = 0;
    let start;
    for await (const batch of loader) {
      // The first batch waits for the threads to start.
      if (start === undefined) start = performance.now();
      else images += batch.indices.length;
      if (performance.now() - start > seconds * 1000) break;
    }
    const rate = (images * 1000) / (performance.now() - start);
    console.log(`${name.padEnd(22)} ${workers} workers ${rate.toFixed(0).padStart(8)}`);
  }
}
