// npm run concept-pictures: the pictures of docs/concepts.md, of images of CIFAR-10, by the packages themselves: what GMML
// makes of an image (docs/pictures/corruptions.png) and its two views (docs/pictures/views.png). Run after the build.
import { createViews, sitViews } from "@sitjs/augment";
import { randomStream } from "@sitjs/core/random";
import { useEngine } from "@sitjs/engine";
import { gmml } from "@sitjs/masking";
import {
  exampleImages,
  imagesOfMask,
  imagesOfValues,
  statistics,
  valuesOf,
  writeGrid,
} from "./lib/pictures.mjs";

const SEED = 0;

await useEngine({ prefer: "cpu" });
const images = await exampleImages();
await writeGrid("corruptions.png", await corruptions(images));
await writeGrid("views.png", await views(images));

/** Rows of: clean, where it is corrupted, then zeros, noise, another image's content, content from elsewhere in it. */
async function corruptions(clean) {
  const batch = valuesOf(clean);
  const columns = [];
  for (const kind of ["zeros", "noise", "replace", "rand"]) {
    // Of one stream: each kind corrupts the same places.
    const corruption = gmml({ [kind]: { ratio: 0.5, minimumRatio: 0.4 } });
    const corrupted = corruption.corrupt(batch, randomStream(SEED, "corruption"));
    if (columns.length === 0) columns.push(await imagesOfMask(corrupted.mask));
    columns.push(await imagesOfValues(corrupted.images));
  }
  return clean.map((image, row) => [image, ...columns.map((column) => column[row])]);
}

/** Rows of: the image, three draws of view 1, three of view 2. */
async function views(clean) {
  const made = await createViews(sitViews({ size: 32, preset: "small", ...statistics }));
  return clean.map((image, row) => [
    image,
    ...made.flatMap((view) =>
      [0, 1, 2].map((epoch) => view.render(image, randomStream(SEED, "augment", epoch, row))),
    ),
  ]);
}
