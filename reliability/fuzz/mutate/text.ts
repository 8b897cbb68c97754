import type { RandomStream } from "@sitjs/core/random";
import { changes, maximumBytes, pick } from "./bytes.js";

type Mutation = (text: string, rng: RandomStream, tokens: readonly string[]) => string;

/** Where `text` may be cut without changing its words too often: at their ends. */
function wordEnd(text: string, rng: RandomStream): number {
  const at = rng.integer(0, text.length + 1);
  if (rng.chance(0.3)) return at;
  const next = text.slice(at).search(/[^\p{L}\p{N}_.-]/u);
  return next < 0 ? text.length : at + next;
}

/** Numbers as texts write them, of the kinds that readers stumble over. */
const numbers = [
  "0",
  "-0",
  "-1",
  "1e999",
  "-1e999",
  "0.1",
  "1e-7",
  "2147483648",
  "4294967296",
  "9007199254740993",
  "1e100",
  "01",
  "0x10",
  "NaN",
];

const mutations: readonly Mutation[] = [
  function insertToken(text, rng, tokens) {
    const at = wordEnd(text, rng);
    return text.slice(0, at) + pick(tokens, rng) + text.slice(at);
  },
  function replaceWithToken(text, rng, tokens) {
    const [a, b] = [wordEnd(text, rng), wordEnd(text, rng)];
    const end = rng.chance(0.8) ? Math.min(a, b) + 20 : Math.max(a, b);
    return text.slice(0, Math.min(a, b)) + pick(tokens, rng) + text.slice(end);
  },
  function repeatToken(text, rng, tokens) {
    const at = wordEnd(text, rng);
    const token = pick(tokens, rng);
    const times = Math.min(2 ** rng.integer(1, 14), 20_000 / Math.max(1, token.length));
    return text.slice(0, at) + token.repeat(times) + text.slice(at);
  },
  function removeRange(text, rng) {
    const at = wordEnd(text, rng);
    return text.slice(0, at) + text.slice(at + rng.integer(1, 40));
  },
  function repeatRange(text, rng) {
    const [a, b] = [wordEnd(text, rng), wordEnd(text, rng)];
    return text.slice(0, Math.max(a, b)) + text.slice(Math.min(a, b));
  },
  (text, rng) => text.slice(0, rng.integer(0, text.length + 1)),
  function changeNumber(text, rng) {
    const found = [...text.matchAll(/-?\d+(\.\d+)?/g)];
    if (found.length === 0) return text;
    const match = pick(found, rng);
    return text.slice(0, match.index) + pick(numbers, rng) + text.slice(match.index + match[0].length);
  },
  function repeatLine(text, rng) {
    const lines = text.split("\n");
    const from = rng.integer(0, lines.length);
    lines.splice(rng.integer(0, lines.length + 1), rng.integer(0, 2), lines[from] as string);
    return lines.join("\n");
  },
];

/** One to four changes to a text, with the tokens that its grammar knows. */
export function mutateText(text: string, rng: RandomStream, tokens: readonly string[]): Uint8Array {
  let changed = text;
  for (let left = changes(rng); left > 0; left--) {
    changed = pick(mutations, rng)(changed, rng, tokens).slice(0, maximumBytes / 4);
  }
  return Uint8Array.from(Buffer.from(changed));
}
