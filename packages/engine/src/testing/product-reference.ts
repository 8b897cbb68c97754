// The layers with matrix products in float64: linear, linear and GELU, and the perceptron, each added to a residual on
// demand. `round` is what happens to a product's operands: nothing, or `toBfloat16`.
import { gelu, geluSlope, type Numbers } from "./kernel-reference.js";

export type Round = (value: number) => number;

export const exactly: Round = (value) => value;

const bits = new Uint32Array(1);
const asFloat = new Float32Array(bits.buffer);

/** The nearest bfloat16 of a value's float32, halves to even; NaN and infinity stay. */
export const toBfloat16: Round = (value) => {
  asFloat[0] = value;
  const word = bits[0] as number;
  if (!Number.isFinite(asFloat[0])) return asFloat[0] as number;
  bits[0] = (word + 0x7fff + ((word >>> 16) & 1)) & 0xffff0000;
  return asFloat[0] as number;
};

/** A result's residual: `onto` shaped like it, and the share of each sample's rows. */
export interface ResidualNumbers {
  readonly onto: Numbers;
  readonly scale?: Numbers | undefined;
}

export interface LinearNumbers {
  readonly x: Numbers;
  readonly weight: Numbers;
  readonly bias?: Numbers | undefined;
  readonly residual?: ResidualNumbers | undefined;
  /** Rows of x, its columns, and the result's. */
  readonly size: readonly [rows: number, inputs: number, outputs: number];
  readonly gelu?: boolean;
  readonly round?: Round;
}

export interface LinearReference {
  readonly y: Float64Array;
  readonly dx: Float64Array;
  readonly dWeight: Float64Array;
  readonly dBias: Float64Array;
}

/** x [rows, inputs], weight [outputs, inputs], bias [outputs], dy and the residual [rows, outputs]. */
export function linearReference(given: LinearNumbers, dy: Numbers): LinearReference {
  const { x, weight, bias, residual, size, gelu: withGelu = false, round = exactly } = given;
  const [rows, inputs] = size;
  const [left, right] = [rounded(x, round), rounded(weight, round)];
  const before = withBias(product(left, right, inputs), bias);
  const branch = withGelu ? before.map(gelu) : before;
  const dBranch = ofBranch(dy, residual, rows);
  const d = withGelu ? dBranch.map((value, i) => value * geluSlope(before[i] as number)) : dBranch;
  return { y: ontoResidual(branch, residual, rows), ...gradients(d, left, right, size, round) };
}

export interface PerceptronNumbers {
  readonly x: Numbers;
  readonly weight1: Numbers;
  readonly bias1: Numbers;
  readonly weight2: Numbers;
  readonly bias2: Numbers;
  readonly residual: ResidualNumbers;
  readonly size: readonly [rows: number, inputs: number, hidden: number, outputs: number];
  readonly round?: Round;
}

export interface PerceptronReference {
  readonly y: Float64Array;
  readonly dx: Float64Array;
  readonly dWeight1: Float64Array;
  readonly dBias1: Float64Array;
  readonly dWeight2: Float64Array;
  readonly dBias2: Float64Array;
}

/** As `perceptronResidual` of core. GELU takes the rounded sum of the first layer, since that is what is kept. */
export function perceptronReference(given: PerceptronNumbers, dy: Numbers): PerceptronReference {
  const { weight1, bias1, weight2, bias2, residual, size, round = exactly } = given;
  const [rows, inputs, hidden, outputs] = size;
  const [x, first, second] = [rounded(given.x, round), rounded(weight1, round), rounded(weight2, round)];
  const before = rounded(withBias(product(x, first, inputs), bias1), round);
  const activated = rounded(before.map(gelu), round);
  const branch = withBias(product(activated, second, hidden), bias2);
  const d = ofBranch(dy, residual, rows);
  const outer = gradients(d, activated, second, [rows, hidden, outputs], round);
  const dBefore = outer.dx.map((value, i) => value * geluSlope(before[i] as number));
  const inner = gradients(dBefore, x, first, [rows, inputs, hidden], round);
  return {
    y: ontoResidual(branch, residual, rows),
    dx: inner.dx,
    dWeight1: inner.dWeight,
    dBias1: inner.dBias,
    dWeight2: outer.dWeight,
    dBias2: outer.dBias,
  };
}

const rounded = (values: Numbers, round: Round): Float64Array => Float64Array.from(values, round);

/** a bᵀ for a [rows, inner], b [columns, inner]. */
function product(a: Float64Array, b: Float64Array, inner: number): Float64Array {
  const [rows, columns] = [a.length / inner, b.length / inner];
  const sums = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let sum = 0;
      for (let i = 0; i < inner; i++) {
        sum += (a[row * inner + i] as number) * (b[column * inner + i] as number);
      }
      sums[row * columns + column] = sum;
    }
  }
  return sums;
}

/** x [rows, columns] as [columns, rows]. */
function transposed(x: Float64Array, columns: number): Float64Array {
  const rows = x.length / columns;
  return x.map((_, i) => x[(i % rows) * columns + Math.floor(i / rows)] as number);
}

function withBias(sums: Float64Array, bias: Numbers | undefined): Float64Array {
  return bias === undefined ? sums : sums.map((sum, i) => sum + (bias[i % bias.length] as number));
}

/** The gradients of `left rightᵀ + bias` for d [rows, outputs]. */
function gradients(
  d: Float64Array,
  left: Float64Array,
  right: Float64Array,
  [rows, inputs, outputs]: readonly [number, number, number],
  round: Round,
): Omit<LinearReference, "y"> {
  const operand = rounded(d, round);
  return {
    dx: product(operand, transposed(right, inputs), outputs),
    dWeight: product(transposed(operand, outputs), transposed(left, inputs), rows),
    dBias: product(new Float64Array(rows).fill(1), transposed(d, outputs), rows),
  };
}

function shareOf(scale: Numbers | undefined, row: number, rows: number): number {
  return scale === undefined ? 1 : (scale[Math.floor((row * scale.length) / rows)] as number);
}

function ontoResidual(
  branch: Float64Array,
  residual: ResidualNumbers | undefined,
  rows: number,
): Float64Array {
  if (residual === undefined) return branch;
  const columns = branch.length / rows;
  return branch.map(
    (value, i) =>
      (residual.onto[i] as number) + shareOf(residual.scale, Math.floor(i / columns), rows) * value,
  );
}

/** The branch's share of dy, in float32 as the kernels have it before a product rounds it further. */
function ofBranch(dy: Numbers, residual: ResidualNumbers | undefined, rows: number): Float64Array {
  const columns = dy.length / rows;
  return Float64Array.from(dy, (value, i) =>
    Math.fround(shareOf(residual?.scale, Math.floor(i / columns), rows) * value),
  );
}
