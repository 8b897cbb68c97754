// A transform that changes nothing and collects its thread's garbage now and then: V8 leaves a thread that has room megabytes
// of it for thousands of batches, in which a leak of that size could hide.

/**
 * @param {{ every: number }} options images from one collection to the next
 * @returns {import("@sitjs/augment").Transform}
 */
export default function collecting({ every }) {
  let images = 0;
  return {
    name: "collecting",
    apply(image) {
      if (++images % every === 0) globalThis.gc?.();
      return image;
    },
  };
}
