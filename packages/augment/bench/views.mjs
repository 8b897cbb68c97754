/**
 * Images per second of the view pipelines on one core: `npm run build` first, then `node bench/views.mjs`.
 * Prints the median of five rounds, in processor time so that other work on the machine counts less.
 */

import { applyViews, createViews, evalView, sitViews } from "@sitjs/augment";
import { randomStream } from "@sitjs/core/random";

const grey = { mean: [0.286], deviation: [0.353] };
await measure(
  "two views, 28 x 28 x 1, small",
  { width: 28, height: 28, channels: 1 },
  2000,
  sitViews({ size: 28, preset: "small", ...grey }),
);
await measure(
  "two views, 28 x 28 x 1, with blur",
  { width: 28, height: 28, channels: 1 },
  2000,
  sitViews({ size: 28, ...grey }),
);
await measure(
  "two views, 224 from 500 x 375 x 3",
  { width: 500, height: 375, channels: 3 },
  40,
  sitViews({ size: 224 }),
);
await measure(
  "evaluation, 224 from 500 x 375 x 3",
  { width: 500, height: 375, channels: 3 },
  40,
  evalView({ size: 224 }),
);

async function measure(name, shape, count, specs) {
  const rng = randomStream(0, "bench");
  const data = Uint8Array.from({ length: shape.width * shape.height * shape.channels }, () =>
    rng.integer(0, 256),
  );
  const views = await createViews(specs);
  const out = views.map((view) => new Float32Array(view.length));
  const rounds = [];
  for (let round = 0; round < 6; round++) {
    const start = process.cpuUsage();
    for (let i = 0; i < count; i++)
      applyViews(views, { data, ...shape }, randomStream(0, "augment", round, i), out);
    if (round > 0) rounds.push(process.cpuUsage(start).user / 1000 / count);
  }
  const median = rounds.sort((a, b) => a - b)[2];
  console.log(`${name}: ${(median * 1000).toFixed(1)} us an image, ${Math.round(1000 / median)} images/s`);
}
