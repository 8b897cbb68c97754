// Parsers with the mistakes that the fuzzer is for. Its tests show that it finds each.
import { SitError } from "@sitjs/core/errors";
import type { RandomStream } from "@sitjs/core/random";
import { mutateBytes } from "./mutate/bytes.js";
import { type AnyTarget, promise } from "./target.js";

/** A number of 32 bits, then that many bytes. */
const valid = Uint8Array.of(4, 0, 0, 0, 1, 2, 3, 4);

const lengthOf = (file: Uint8Array) => new DataView(file.buffer, file.byteOffset).getUint32(0, true);

function refuse(file: Uint8Array): never {
  throw new SitError("bad-file", `planted: expected the bytes that the file claims, got ${file.length}`);
}

/** A right parser, which each mistake below leaves at one place. */
function parse(file: Uint8Array): Uint8Array {
  if (file.length < 4 || lengthOf(file) !== file.length - 4) refuse(file);
  return file.subarray(4);
}

let kept: unknown;

const planted = (name: string, parse: AnyTarget["parse"], rest: Partial<AnyTarget> = {}): AnyTarget => ({
  name,
  corpus: () => [valid],
  mutate: (file: Uint8Array, rng: RandomStream, corpus) => mutateBytes(file, rng, corpus),
  source: "planted",
  codes: ["bad-file"],
  parse,
  check: () => undefined,
  ...rest,
});

/** Whether a file claims more than it has, which only a few of the mutations give. */
const greedy = (file: Uint8Array) => file.length >= 4 && lengthOf(file) > 2 ** 22 && lengthOf(file) < 2 ** 31;

export const targets: readonly AnyTarget[] = [
  planted("none", parse, {
    check: (data: Uint8Array, file) => promise(data.length === file.length - 4, "all data"),
  }),
  planted("array of the claimed size", (file) => {
    // Reserved and never touched: no memory is used, and the machine with less of it dies.
    if (greedy(file)) kept = new Float32Array(Math.min(lengthOf(file), 2 ** 28));
    return parse(file);
  }),
  planted("list of the claimed size", (file) => {
    if (greedy(file)) kept = Array.from({ length: 100_000 }, (_, i) => ({ i }));
    return parse(file);
  }),
  planted("garbage", (file) => {
    if (greedy(file)) for (let i = 0; i < 2_000_000; i++) kept = { i };
    return parse(file);
  }),
  planted("view beyond the end", (file) => {
    const data = new Uint8Array(file.buffer, file.byteOffset + 4, lengthOf(file));
    return data.length === file.length - 4 ? data : refuse(file);
  }),
  planted("other code", (file) => {
    if (file.length < 3) throw new SitError("bad-shape", "planted: expected more");
    return parse(file);
  }),
  planted("nameless", (file) => {
    if (file.length < 3) throw new SitError("bad-file", "expected more");
    return parse(file);
  }),
  planted("trusting", (file) => file.subarray(4), {
    check: (data: Uint8Array, file) =>
      promise(file.length < 4 || data.length === lengthOf(file), "the claimed bytes"),
  }),
  planted("slow", (file) => {
    // Doubles with each letter: 26 take a quarter of a second.
    if (file.length === 7) kept = /^(a+)+$/.test(`${"a".repeat(25)}b`);
    return parse(file);
  }),
  planted("hang", (file) => {
    while (file.length === 6 && file[0] === 4) kept = file;
    return parse(file);
  }),
  planted("crash", (file) => {
    if (file.length === 5 && file[0] === 4) process.abort();
    return parse(file);
  }),
];

/** So that no engine finds out that nothing is done with it. */
export const used = (): unknown => kept;
