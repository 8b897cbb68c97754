/**
 * Standard normal draws by the ziggurat method (Marsaglia and Tsang 2000, Journal of Statistical Software 5(8)):
 * the density cut into 128 layers of equal area, so that 98 % of the draws cost one multiplication.
 */

const LAYERS = 128;
/** Where the tail begins, and the area of a layer: the paper's constants for 128 layers. */
const TAIL = 3.442619855899;
const AREA = 9.91256303526217e-3;

const density = (x: number): number => Math.exp(-0.5 * x * x);

/** Right edges of the layers, widest first; the base layer's is that of a rectangle with the tail's area too. */
const edges = new Float64Array(LAYERS + 1);
const heights = new Float64Array(LAYERS + 1);
edges[0] = AREA / density(TAIL);
edges[1] = TAIL;
for (let i = 2; i < LAYERS; i++) {
  const previous = edges[i - 1] as number;
  edges[i] = Math.sqrt(-2 * Math.log(AREA / previous + density(previous)));
}
edges[LAYERS] = 0;
for (let i = 0; i <= LAYERS; i++) heights[i] = density(edges[i] as number);

/** One draw; `next` gives 32 random bits as an integer from 0 to 2^32 - 1. */
export function zigguratNormal(next: () => number): number {
  for (;;) {
    // Layer and value come from different bits of one draw: shared ones would tie them (Doornik 2005).
    const bits = next() | 0;
    const layer = bits & (LAYERS - 1);
    const x = (((bits >> 7) + 0.5) / 16777216) * (edges[layer] as number);
    if (Math.abs(x) < (edges[layer + 1] as number)) return x;
    if (layer === 0) return Math.sign(x) * tail(next);
    const [low, high] = [heights[layer] as number, heights[layer + 1] as number];
    if (low + (next() / 4294967296) * (high - low) < density(x)) return x;
  }
}

/** A draw beyond `TAIL` (Marsaglia 1964). */
function tail(next: () => number): number {
  for (;;) {
    const beyond = -Math.log((next() + 1) / 4294967296) / TAIL;
    const height = -Math.log((next() + 1) / 4294967296);
    if (2 * height > beyond * beyond) return TAIL + beyond;
  }
}
