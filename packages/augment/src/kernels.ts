import { SitError } from "@sitjs/core/errors";
import { kernelBinary } from "./kernel-binary.js";

/** The operations on bytes in WebAssembly; `kernels/*.ts` says what each does. All addresses are in `memory`. */
export interface Kernels {
  readonly memory: WebAssembly.Memory;
  readonly heapBase: WebAssembly.Global;
  resizeRows(
    from: number,
    rowLength: number,
    rows: number,
    channels: number,
    starts: number,
    weights: number,
    fours: number,
    width: number,
    to: number,
  ): void;
  resizeColumns(
    from: number,
    rowLength: number,
    starts: number,
    weights: number,
    fours: number,
    pairs: number,
    height: number,
    to: number,
  ): void;
  transpose(from: number, width: number, height: number, channels: number, to: number): void;
  boxBlurColumns(
    from: number,
    rowLength: number,
    height: number,
    radius: number,
    inner: number,
    outer: number,
    to: number,
    scratch: number,
  ): void;
  blendWithConstant(from: number, length: number, level: number, factor: number, to: number): void;
  blendWithLuma(from: number, count: number, factor: number, to: number): void;
  solarize(from: number, length: number, threshold: number, to: number): void;
  luma(from: number, count: number, to: number): void;
  lumaToRgb(from: number, count: number, to: number): void;
  sumOfLuma(from: number, count: number): number;
  turnHue(from: number, count: number, turn: number, to: number): void;
  normalize(
    from: number,
    step: number,
    width: number,
    height: number,
    tables: number,
    channels: number,
    mirrored: boolean,
    to: number,
  ): void;
}

/** Bytes behind every buffer that a kernel may read or overwrite. */
const PADDING = 64;

let instance: Kernels | undefined;
let memoryBytes = new Uint8Array(0);

/** The kernels, made when they are first wanted. Throws `SitError("engine-unavailable")` without vectors in WebAssembly. */
export function kernels(): Kernels {
  if (instance !== undefined) return instance;
  const binary = Uint8Array.from(atob(kernelBinary), (character) => character.charCodeAt(0));
  try {
    // At once and not in a promise, as image operations are plain functions; it is a few kilobytes.
    instance = new WebAssembly.Instance(new WebAssembly.Module(binary)).exports as unknown as Kernels;
  } catch (cause) {
    throw new SitError("engine-unavailable", "image operations: expected WebAssembly with SIMD, got none", {
      mend: "Use Node 20 or later, or a browser of 2023 or later whose content policy allows wasm-unsafe-eval.",
      cause,
    });
  }
  return instance;
}

/** Addresses of buffers of these lengths, for one call: the next call may give the same ones. */
export function layOut(...lengths: readonly number[]): number[] {
  const { memory, heapBase } = kernels();
  let end = heapBase.value as number;
  const addresses = lengths.map((length) => {
    const address = Math.ceil(end / 16) * 16;
    end = address + length + PADDING;
    return address;
  });
  const missing = end - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / 65536));
  return addresses;
}

/** The kernels' memory; ask again after `layOut`, which may have replaced it. */
export function kernelMemory(): Uint8Array {
  const { buffer } = kernels().memory;
  if (memoryBytes.buffer !== buffer) memoryBytes = new Uint8Array(buffer);
  return memoryBytes;
}

/**
 * How much of an image an operation on single pixels takes at a time: whole pixels and whole vectors (a multiple of
 * 48), and small enough that source and result stay in the processor's second cache.
 */
const CHUNK = 96 * 1024;

/**
 * Runs an operation on single pixels over `source` in pieces, the result into `target`, which may be the source. A
 * piece has `length` bytes at `from`; its result, `length * target.length / source.length` bytes, goes to `to`.
 */
export function inPieces(
  source: Uint8Array,
  target: Uint8Array,
  kernel: (from: number, length: number, to: number) => void,
): void {
  const shrink = source.length / target.length;
  const [from, to] = layOut(Math.min(CHUNK, source.length), CHUNK) as [number, number];
  const memory = kernelMemory();
  for (let start = 0; start < source.length; start += CHUNK) {
    const end = Math.min(source.length, start + CHUNK);
    memory.set(source.subarray(start, end), from);
    kernel(from, end - start, to);
    target.set(memory.subarray(to, to + (end - start) / shrink), start / shrink);
  }
}

/** Calls `kernel` with the address and the length of each piece of `source`. */
export function overPieces(source: Uint8Array, kernel: (from: number, length: number) => void): void {
  const [from] = layOut(Math.min(CHUNK, source.length)) as [number];
  const memory = kernelMemory();
  for (let start = 0; start < source.length; start += CHUNK) {
    const end = Math.min(source.length, start + CHUNK);
    memory.set(source.subarray(start, end), from);
    kernel(from, end - start);
  }
}
