import { type SafetensorsEntry, safetensorsTypes } from "@sitjs/core";
import { spanOf, type TorchTensor, widthOf } from "./tensor.js";

/** Where a tensor's values are in its storage, in bytes: `begin` up to before `end`. */
export function bytesOf(tensor: TorchTensor): { begin: number; end: number } {
  const width = widthOf(tensor.dtype);
  const { count, end } = spanOf(tensor);
  return count === 0 ? { begin: 0, end: 0 } : { begin: tensor.offset * width, end: end * width };
}

/**
 * A tensor's values row by row, whatever its strides.
 * @param bytes those that `bytesOf` names, which are taken over
 * @param bigEndian whether the file was written on a machine with the highest byte first
 */
export function entryFrom(
  tensor: TorchTensor,
  bytes: Uint8Array<ArrayBuffer>,
  bigEndian = false,
): SafetensorsEntry {
  const { dtype, shape, strides } = tensor;
  if (bigEndian) swapBytes(bytes, widthOf(dtype));
  const stored = new safetensorsTypes[dtype](bytes.buffer, bytes.byteOffset, bytes.length / widthOf(dtype));
  if (isContiguous(shape, strides)) return { dtype, shape, data: stored } as SafetensorsEntry;
  const { count } = spanOf(tensor);
  const data = new safetensorsTypes[dtype](count);
  const at = new Array<number>(shape.length).fill(0);
  let place = 0;
  for (let i = 0; i < count; i++) {
    data[i] = stored[place] as never;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += strides[axis] as number;
      at[axis] = (at[axis] as number) + 1;
      if (at[axis] !== shape[axis]) break;
      place -= (shape[axis] as number) * (strides[axis] as number);
      at[axis] = 0;
    }
  }
  return { dtype, shape, data } as SafetensorsEntry;
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  if (shape.includes(0)) return true;
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    // The stride of an axis of one value is never walked.
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis] as number;
  }
  return true;
}

function swapBytes(bytes: Uint8Array, width: number): void {
  if (width === 1) return;
  for (let start = 0; start < bytes.length; start += width) bytes.subarray(start, start + width).reverse();
}
