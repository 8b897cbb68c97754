import { type RandomStream, randomStream } from "@sitjs/core/random";

/** A stream whose forks 0 … count-1 come in the opposite order: whatever draws sample i from `fork(i)` is turned round. */
export function reversedForks(seed: number, count: number): RandomStream {
  const rng = randomStream(seed);
  return { ...rng, fork: (sample) => rng.fork(count - 1 - (sample as number)) };
}
