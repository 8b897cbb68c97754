// The checks of corruptions catch what they are for.
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, it } from "vitest";
import { left, noticed } from "../../test/noticed.js";
import { SitError } from "../errors.js";
import type { Corruption } from "../module.js";
import { randomNormal } from "../ops/random.js";
import { randomStream } from "../random.js";
import { corruptionChecks, runChecks } from "./index.js";

beforeAll(async () => {
  await tf.setBackend("cpu");
});

describe("runChecks", () => {
  it("names part, check, what was expected and what came, for each that fails", async () => {
    const half: Corruption = {
      name: "half",
      corrupt: (images) => ({
        images: tf.clone(images),
        mask: tf.mul(tf.onesLike(tf.slice(images, [0, 0, 0, 0], [-1, -1, -1, 1])), 0.5),
      }),
    };
    const error = await runChecks(corruptionChecks(() => half, { random: false })).catch((e) => e);
    expect(error).toBeInstanceOf(SitError);
    const lines = (error as SitError).message.split("\n");
    expect(lines).toContain(
      "half: masks with 0 and 1 alone: expected 0 or 1 at each pixel of the mask, got 0.5",
    );
    expect(lines.every((line) => line.startsWith("half: "))).toBe(true);
    expect(lines.length).toBeGreaterThan(1);
  });
});

describe("corruption checks", () => {
  /** Noise in the pixels that a stream of each sample's own names. */
  const good: Corruption = {
    name: "dots",
    corrupt: (images, rng) => {
      if (images.rank !== 4)
        throw new SitError("bad-shape", `images: expected a batch, got [${images.shape}]`);
      const [batch, height, width] = images.shape;
      return tf.tidy(() => {
        const streams = Array.from({ length: batch }, (_, i) => rng.fork(i));
        const dots = streams.map((own) => {
          const values = Float32Array.from({ length: (height * width) / 16 }, () =>
            own.chance(0.5) ? 1 : 0,
          );
          return tf.tensor(values, [height / 4, width / 4, 1]);
        });
        const cells = tf.stack(dots) as tf.Tensor4D;
        const mask = tf.image.resizeNearestNeighbor(cells, [height, width]);
        const noise = randomNormal(images.shape, streams);
        const where = tf.cast(tf.tile(mask, [1, 1, 1, images.shape[3]]), "bool");
        return { images: tf.where(where, noise, images) as tf.Tensor4D, mask };
      });
    },
  };
  /** The good one's result, changed. */
  const changing =
    (
      change: (
        made: ReturnType<Corruption["corrupt"]>,
        clean: tf.Tensor4D,
      ) => ReturnType<Corruption["corrupt"]>,
    ) =>
    (images: tf.Tensor4D, rng = randomStream(0)) => {
      const made = good.corrupt(images, rng);
      const changed = tf.tidy(() => change(made, images));
      const kept = [changed.images, changed.mask];
      tf.dispose([made.images, made.mask].filter((tensor) => !kept.includes(tensor)));
      return changed;
    };
  let count = 0;

  noticed(
    () => good,
    (make, settings) => corruptionChecks(make, { cell: 4, share: [0.2, 0.8], ...settings }),
    {
      "a mask of another type": [
        { corrupt: changing(({ images, mask }) => ({ images, mask: tf.cast(mask, "int32") })) },
        "gives images and a mask of their sides, float32",
      ],
      "NaN in the images": [
        {
          corrupt: changing(({ images, mask }) => ({
            images: tf.where(tf.cast(tf.tile(mask, [1, 1, 1, 3]), "bool"), Number.NaN, images),
            mask,
          })),
        },
        "gives images and a mask of their sides, float32",
      ],
      "a soft mask": [
        { corrupt: changing(({ images, mask }) => ({ images, mask: tf.mul(mask, 0.6) as tf.Tensor4D })) },
        "masks with 0 and 1 alone",
        "leaves what is not masked as it was, and nothing that is",
      ],
      "a mask of nearly all": [
        {
          corrupt: changing(({ images, mask }) => ({
            images: tf.add(images, 1) as tf.Tensor4D,
            mask: tf.onesLike(mask),
          })),
        },
        "masks the share that it is said to",
      ],
      "a ragged mask": [
        {
          corrupt: changing(({ mask }, clean) => {
            const moved = tf.pad(tf.slice(mask, [0, 0, 0, 0], [-1, -1, mask.shape[2] - 1, 1]), [
              [0, 0],
              [0, 0],
              [1, 0],
              [0, 0],
            ]);
            return { images: tf.sub(clean, moved) as tf.Tensor4D, mask: moved as tf.Tensor4D };
          }),
        },
        "masks whole cells",
      ],
      "pixels changed outside of the mask": [
        { corrupt: changing(({ images, mask }) => ({ images: tf.add(images, 1) as tf.Tensor4D, mask })) },
        "leaves what is not masked as it was, and nothing that is",
      ],
      "a mask under which nothing changes": [
        { corrupt: changing(({ mask }, clean) => ({ images: tf.clone(clean), mask })) },
        "leaves what is not masked as it was, and nothing that is",
      ],
      "a seed that is ignored": [
        { corrupt: (images) => good.corrupt(images, randomStream(7)) },
        "draws from its stream alone",
      ],
      "a generator of its own": [
        { corrupt: (images) => good.corrupt(images, randomStream(++count)) },
        "draws from its stream alone",
        "treats an image alike whatever the rest of the batch",
      ],
      "draws that depend on the batch": [
        { corrupt: (images, rng) => good.corrupt(images, rng.fork(images.shape[0])) },
        "treats an image alike whatever the rest of the batch",
      ],
      "a tensor left behind": [
        {
          corrupt(images, rng) {
            left.push(tf.keep(tf.scalar(1)));
            return good.corrupt(images, rng);
          },
        },
        "borrows its input, and leaves two tensors",
      ],
      "an input disposed": [
        {
          corrupt(images, rng) {
            const made = good.corrupt(images, rng);
            images.dispose();
            return made;
          },
        },
        "leaves what is not masked as it was, and nothing that is",
        "draws from its stream alone",
        "treats an image alike whatever the rest of the batch",
        "borrows its input, and leaves two tensors",
      ],
      "an input that it does not check": [
        {
          corrupt: (images, rng) =>
            good.corrupt(
              images.rank === 4 ? images : (tf.reshape(images, [-1, 16, 24, 1]) as tf.Tensor4D),
              rng,
            ),
        },
        "refuses what is no batch of images",
      ],
    },
  );
});
