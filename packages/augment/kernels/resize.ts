/**
 * Pillow's 8-bit resampling: sums of bytes times fixed-point weights of 22 bits behind the point, rounded and clipped.
 * The products are made in pairs of 16 bits, which is why a weight comes in two parts: weight = high * 2^11 + low.
 *
 * Weights of one output position: for every four of them the high parts, then the low parts, 16 bits each, filled up with
 * zeros. `starts`: for each output position the first input position, 32 bits.
 */

const SHIFT = 11;
const BITS = 22;

/** The sums of the two parts as levels 0 to 255, 32 bits each before narrowing. */
function joined(high: v128, low: v128): v128 {
  const sum = i32x4.add(i32x4.shl(high, SHIFT), low);
  return i32x4.shr_s(i32x4.add(sum, i32x4.splat(1 << (BITS - 1))), BITS);
}

/**
 * Resizes every row to `width` pixels by `fours` times four weights; rows of the source lie `rowLength` bytes apart, those
 * of the target touch.
 */
export function resizeRows(
  from: usize,
  rowLength: i32,
  rows: i32,
  channels: i32,
  starts: usize,
  weights: usize,
  fours: i32,
  width: i32,
  to: usize,
): void {
  if (channels === 1) resizeRowsGrey(from, rowLength, rows, starts, weights, fours, width, to);
  else resizeRowsRgb(from, rowLength, rows, starts, weights, fours, width, to);
}

function resizeRowsGrey(
  from: usize,
  rowLength: i32,
  rows: i32,
  starts: usize,
  weights: usize,
  fours: i32,
  width: i32,
  to: usize,
): void {
  for (let y = 0; y < rows; y++) {
    let weight = weights;
    for (let x = 0; x < width; x++) {
      let pixel = from + load<i32>(starts + ((<usize>x) << 2));
      let sums = i32x4.splat(0); // high, high, low, low
      for (let four = 0; four < fours; four++) {
        // The four pixels twice: times the high parts and times the low ones.
        const pixels = i16x8.extend_low_i8x16_u(v128.load32_splat(pixel));
        sums = i32x4.add(sums, i32x4.dot_i16x8_s(pixels, v128.load(weight)));
        pixel += 4;
        weight += 16;
      }
      sums = i32x4.add(sums, i32x4.shuffle(sums, sums, 1, 0, 3, 2));
      const level = i32x4.extract_lane(joined(sums, i32x4.shuffle(sums, sums, 2, 2, 2, 2)), 0);
      store<u8>(to++, <u8>max(0, min(255, level)));
    }
    from += rowLength;
  }
}

function resizeRowsRgb(
  from: usize,
  rowLength: i32,
  rows: i32,
  starts: usize,
  weights: usize,
  fours: i32,
  width: i32,
  to: usize,
): void {
  const none = i32x4.splat(0);
  for (let y = 0; y < rows; y++) {
    let weight = weights;
    for (let x = 0; x < width; x++) {
      let pixel = from + load<i32>(starts + ((<usize>x) << 2)) * 3;
      let high = none; // red, green, blue, unused
      let low = none;
      for (let four = 0; four < fours; four++) {
        // Two pixels each become (red, red), (green, green), (blue, blue) of 16 bits.
        const pixels = v128.load(pixel);
        const first = i8x16.shuffle(pixels, none, 0, 16, 3, 16, 1, 16, 4, 16, 2, 16, 5, 16, 16, 16, 16, 16);
        const second = i8x16.shuffle(
          pixels,
          none,
          6,
          16,
          9,
          16,
          7,
          16,
          10,
          16,
          8,
          16,
          11,
          16,
          16,
          16,
          16,
          16,
        );
        high = i32x4.add(high, i32x4.dot_i16x8_s(first, v128.load32_splat(weight)));
        high = i32x4.add(high, i32x4.dot_i16x8_s(second, v128.load32_splat(weight, 4)));
        low = i32x4.add(low, i32x4.dot_i16x8_s(first, v128.load32_splat(weight, 8)));
        low = i32x4.add(low, i32x4.dot_i16x8_s(second, v128.load32_splat(weight, 12)));
        pixel += 12;
        weight += 16;
      }
      const narrow = i16x8.narrow_i32x4_s(joined(high, low), none);
      // The fourth byte is overwritten by the next pixel.
      v128.store32_lane(to, i8x16.narrow_i16x8_u(narrow, none), 0);
      to += 3;
    }
    from += rowLength;
  }
}

/**
 * Resizes every column to `height` values by `fours` times four weights, of which the first 2 * `pairs` may be other than
 * 0; rows are `rowLength` bytes, without gaps, in source and target.
 */
export function resizeColumns(
  from: usize,
  rowLength: i32,
  starts: usize,
  weights: usize,
  fours: i32,
  pairs: i32,
  height: i32,
  to: usize,
): void {
  const none = i32x4.splat(0);
  for (let y = 0; y < height; y++) {
    const top = from + load<i32>(starts + ((<usize>y) << 2)) * rowLength;
    for (let x = 0; x < rowLength; x += 16) {
      let value = top + x;
      let weight = weights;
      let high0 = none,
        high1 = none,
        high2 = none,
        high3 = none;
      let low0 = none,
        low1 = none,
        low2 = none,
        low3 = none;
      for (let pair = 0; pair < pairs; pair++) {
        const first = v128.load(value);
        const second = v128.load(value + rowLength);
        const highs = v128.load32_splat(weight);
        const lows = v128.load32_splat(weight, 8);
        const left = i8x16.shuffle(first, second, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        const right = i8x16.shuffle(
          first,
          second,
          8,
          24,
          9,
          25,
          10,
          26,
          11,
          27,
          12,
          28,
          13,
          29,
          14,
          30,
          15,
          31,
        );
        const two0 = i16x8.extend_low_i8x16_u(left);
        const two1 = i16x8.extend_high_i8x16_u(left);
        const two2 = i16x8.extend_low_i8x16_u(right);
        const two3 = i16x8.extend_high_i8x16_u(right);
        high0 = i32x4.add(high0, i32x4.dot_i16x8_s(two0, highs));
        high1 = i32x4.add(high1, i32x4.dot_i16x8_s(two1, highs));
        high2 = i32x4.add(high2, i32x4.dot_i16x8_s(two2, highs));
        high3 = i32x4.add(high3, i32x4.dot_i16x8_s(two3, highs));
        low0 = i32x4.add(low0, i32x4.dot_i16x8_s(two0, lows));
        low1 = i32x4.add(low1, i32x4.dot_i16x8_s(two1, lows));
        low2 = i32x4.add(low2, i32x4.dot_i16x8_s(two2, lows));
        low3 = i32x4.add(low3, i32x4.dot_i16x8_s(two3, lows));
        value += rowLength << 1;
        weight += pair & 1 ? 12 : 4;
      }
      const left = i16x8.narrow_i32x4_s(joined(high0, low0), joined(high1, low1));
      const right = i16x8.narrow_i32x4_s(joined(high2, low2), joined(high3, low3));
      // What is written beyond the row is overwritten by the next.
      v128.store(to + x, i8x16.narrow_i16x8_u(left, right));
    }
    weights += fours << 4;
    to += rowLength;
  }
}
