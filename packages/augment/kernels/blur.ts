/** Pillow's Gaussian blur of bytes: boxes of fractional width, three times, each time rounded. */

/** Exchanges rows and columns of pixels. */
export function transpose(from: usize, width: i32, height: i32, channels: i32, to: usize): void {
  const rowLength = width * channels;
  for (let x = 0; x < width; x++) {
    let pixel = from + x * channels;
    for (let y = 0; y < height; y++) {
      // Four bytes where three are meant: the fourth is overwritten by the next pixel.
      if (channels === 1) store<u8>(to, load<u8>(pixel));
      else store<u32>(to, load<u32>(pixel));
      pixel += rowLength;
      to += channels;
    }
  }
}

/**
 * Blurs down the columns, three times, edges repeated. The box has 2 `radius` + 1 values with weight `inner` and one
 * more on each side with weight `outer`, in units of 2^-24. `scratch` has room for 32 bytes a row.
 */
export function boxBlurColumns(
  from: usize,
  rowLength: i32,
  height: i32,
  radius: i32,
  inner: i32,
  outer: i32,
  to: usize,
  scratch: usize,
): void {
  const other = scratch + (height << 4);
  let x = 0;
  while (x < rowLength) {
    // Sixteen columns through all three passes while they are in the processor's first cache.
    boxColumns(from + x, rowLength, height, radius, inner, outer, scratch, 16);
    boxColumns(scratch, 16, height, radius, inner, outer, other, 16);
    boxColumns(other, 16, height, radius, inner, outer, to + x, rowLength);
    x += 16;
    // The last sixteen overlap those before: beyond the row they would spoil the next row's first columns.
    if (x < rowLength && x + 16 > rowLength) x = max(0, rowLength - 16);
  }
}

/** One pass down sixteen columns with running sums. */
function boxColumns(
  from: usize,
  fromStride: i32,
  height: i32,
  radius: i32,
  inner: i32,
  outer: i32,
  to: usize,
  toStride: i32,
): void {
  const last = height - 1;
  const inners = i32x4.splat(inner);
  const outers = i32x4.splat(outer);
  let sum0 = i32x4.splat(0),
    sum1 = sum0,
    sum2 = sum0,
    sum3 = sum0;
  for (let y = -radius; y <= radius; y++) {
    const values = v128.load(from + max(0, min(last, y)) * fromStride);
    const left = i16x8.extend_low_i8x16_u(values);
    const right = i16x8.extend_high_i8x16_u(values);
    sum0 = i32x4.add(sum0, i32x4.extend_low_i16x8_u(left));
    sum1 = i32x4.add(sum1, i32x4.extend_high_i16x8_u(left));
    sum2 = i32x4.add(sum2, i32x4.extend_low_i16x8_u(right));
    sum3 = i32x4.add(sum3, i32x4.extend_high_i16x8_u(right));
  }
  for (let y = 0; y < height; y++) {
    const above = v128.load(from + max(0, y - radius - 1) * fromStride);
    const leaving = v128.load(from + max(0, min(last, y - radius)) * fromStride);
    const entering = v128.load(from + min(last, y + radius + 1) * fromStride);
    const enteringLeft = i16x8.extend_low_i8x16_u(entering);
    const enteringRight = i16x8.extend_high_i8x16_u(entering);
    const edgesLeft = i16x8.add(i16x8.extend_low_i8x16_u(above), enteringLeft);
    const edgesRight = i16x8.add(i16x8.extend_high_i8x16_u(above), enteringRight);
    const left = i16x8.narrow_i32x4_s(
      weighed(sum0, inners, i32x4.extend_low_i16x8_u(edgesLeft), outers),
      weighed(sum1, inners, i32x4.extend_high_i16x8_u(edgesLeft), outers),
    );
    const right = i16x8.narrow_i32x4_s(
      weighed(sum2, inners, i32x4.extend_low_i16x8_u(edgesRight), outers),
      weighed(sum3, inners, i32x4.extend_high_i16x8_u(edgesRight), outers),
    );
    v128.store(to, i8x16.narrow_i16x8_u(left, right));
    to += toStride;
    const changeLeft = i16x8.sub(enteringLeft, i16x8.extend_low_i8x16_u(leaving));
    const changeRight = i16x8.sub(enteringRight, i16x8.extend_high_i8x16_u(leaving));
    sum0 = i32x4.add(sum0, i32x4.extend_low_i16x8_s(changeLeft));
    sum1 = i32x4.add(sum1, i32x4.extend_high_i16x8_s(changeLeft));
    sum2 = i32x4.add(sum2, i32x4.extend_low_i16x8_s(changeRight));
    sum3 = i32x4.add(sum3, i32x4.extend_high_i16x8_s(changeRight));
  }
}

/** A rounded weighted sum of 32 bits without sign, of which the upper eight are the level. */
function weighed(sum: v128, inner: v128, edges: v128, outer: v128): v128 {
  const total = i32x4.add(i32x4.mul(sum, inner), i32x4.mul(edges, outer));
  return i32x4.shr_u(i32x4.add(total, i32x4.splat(1 << 23)), 24);
}
