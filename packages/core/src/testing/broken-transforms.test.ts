// The checks of augmentations catch what they are for.
import { describe } from "vitest";
import { noticed } from "../../test/noticed.js";
import { type TestedImage, type TestedTransform, transformChecks } from "./index.js";

describe("transform checks", () => {
  /** Adds a drawn level to every pixel. */
  const shifted = (image: TestedImage, amount: number): TestedImage => {
    const one = image.data instanceof Float32Array ? 1 : 255;
    const data = image.data.map((value) => Math.min(one, Math.max(0, value + amount * one)));
    return { ...image, data };
  };
  const good: TestedTransform = {
    name: "shift",
    apply: (image, rng) => shifted(image, rng.between(-0.1, 0.1)),
  };
  let last: TestedImage | undefined;

  noticed(() => good, transformChecks, {
    "a value too many": [
      {
        apply(image, rng) {
          const made = good.apply(image, rng);
          return { ...made, width: image.height, height: image.width, data: made.data.slice(1) };
        },
      },
      "gives an image whose values fit its sides",
      "takes tiny images, or refuses them",
    ],
    "floats beyond 1": [
      {
        apply(image, rng) {
          const amount = rng.between(-0.1, 0.1);
          if (!(image.data instanceof Float32Array)) return shifted(image, amount);
          return { ...image, data: image.data.map((value) => value + amount) };
        },
      },
      "keeps floats from 0 to 1",
    ],
    "an input written over": [
      {
        apply(image, rng) {
          const made = good.apply(image, rng);
          image.data.set(made.data);
          return made;
        },
      },
      "does not write into the image it is given",
      "draws from its stream alone",
      "remembers no other image",
    ],
    "a seed that is ignored": [{ apply: (image) => shifted(image, 0.05) }, "draws from its stream alone"],
    "a generator of its own": [
      { apply: (image) => shifted(image, Math.random() / 10 + 1e-3) },
      "draws from its stream alone",
      "remembers no other image",
    ],
    "a result that the next one writes over": [
      {
        apply(image, rng) {
          const made = good.apply(image, rng);
          const fits =
            last?.data.constructor === made.data.constructor && last.data.length === made.data.length;
          if (last === undefined || !fits) last = made;
          last.data.set(made.data);
          return last;
        },
      },
      "draws from its stream alone",
      "remembers no other image",
    ],
    "a crash on tiny images": [
      {
        apply(image, rng) {
          if (image.width < 2) throw new RangeError("too small");
          return good.apply(image, rng);
        },
      },
      "takes tiny images, or refuses them",
    ],
  });
});
