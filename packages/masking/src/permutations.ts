import { requireOption } from "@sitjs/core/errors";

/** One order of an image's tiles: place i shows tile `permutation[i]`. */
export type Permutation = readonly number[];

/**
 * A fixed set of permutations that differ from each other as much as possible, chosen greedily: the order of the tiles
 * as they are, then each time the one with the largest sum of Hamming distances (numbers of places that differ) to those
 * chosen, as Noroozi and Favaro 2016 do ("Unsupervised learning of visual representations by solving jigsaw puzzles"; they
 * start with a random one); of equals the one whose nearest is farthest, then the first in lexicographic order. So
 * the set is always the same, and a larger one begins with the smaller.
 *
 * Looks at all permutations for each one chosen: 9 tiles take some milliseconds for each.
 *
 * @param count at least 1, at most as many as there are
 * @param tiles from 2 to 9; default 9
 * @throws SitError "bad-option"
 */
export function jigsawPermutations(count: number, tiles = 9): readonly Permutation[] {
  requireOption(
    Number.isInteger(tiles) && tiles >= 2 && tiles <= 9,
    "tiles",
    "a whole number from 2 to 9",
    tiles,
  );
  const all = allPermutations(tiles);
  const total = all.length / tiles;
  const fits = Number.isInteger(count) && count >= 1 && count <= total;
  requireOption(fits, "count", `a whole number from 1 to ${total}`, count);
  const sums = new Int32Array(total);
  const nearest = new Uint8Array(total).fill(tiles);
  const chosen: Permutation[] = [];
  for (let next = 0; chosen.length < count; ) {
    const permutation = all.slice(next * tiles, next * tiles + tiles);
    chosen.push(Array.from(permutation));
    sums[next] = -1; // chosen: never again
    let best = -1;
    for (let i = 0, at = 0; i < total; i++, at += tiles) {
      const sum = sums[i] as number;
      if (sum < 0) continue;
      let distance = 0;
      for (let place = 0; place < tiles; place++) if (all[at + place] !== permutation[place]) distance++;
      sums[i] = sum + distance;
      if (distance < (nearest[i] as number)) nearest[i] = distance;
      if (best < 0 || isFarther(i, best, sums, nearest)) best = i;
    }
    next = best;
  }
  return chosen;
}

function isFarther(a: number, b: number, sums: Int32Array, nearest: Uint8Array): boolean {
  const difference = (sums[a] as number) - (sums[b] as number);
  return difference > 0 || (difference === 0 && (nearest[a] as number) > (nearest[b] as number));
}

/** All permutations of 0 … n-1, one after the other, in lexicographic order. */
function allPermutations(n: number): Uint8Array {
  let total = 1;
  for (let i = 2; i <= n; i++) total *= i;
  const all = new Uint8Array(total * n);
  const current = Uint8Array.from({ length: n }, (_, i) => i);
  for (let at = 0; at < all.length; at += n) {
    all.set(current, at);
    advance(current);
  }
  return all;
}

/** The next permutation in lexicographic order; the last one stays. */
function advance(permutation: Uint8Array): void {
  const at = (i: number) => permutation[i] as number;
  let pivot = permutation.length - 2;
  while (pivot >= 0 && at(pivot) > at(pivot + 1)) pivot--;
  if (pivot < 0) return;
  let successor = permutation.length - 1;
  while (at(successor) < at(pivot)) successor--;
  [permutation[pivot], permutation[successor]] = [at(successor), at(pivot)];
  permutation.subarray(pivot + 1).reverse();
}
