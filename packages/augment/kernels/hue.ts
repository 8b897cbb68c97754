import { blues, greens, joined, loadPixels, reds, storePixels } from "./pixels";

/**
 * Turns the hue of `count` pixels by `turn` (in 255ths of the circle) in Pillow's 8-bit HSV; source and target may be the
 * same. Pillow computes some of this in 64-bit floats, and divides where this multiplies; the bytes are the same for every
 * colour, which a test goes through.
 */
export function turnHue(from: usize, count: i32, turn: i32, to: usize): void {
  const one = f32x4.splat(1);
  const none = f32x4.splat(0);
  const turns = i32x4.splat(turn);
  for (let i = 0; i < count; i += 4) {
    const pixels = loadPixels(from);
    const red = reds(pixels);
    const green = greens(pixels);
    const blue = blues(pixels);
    const top = i32x4.max_s(red, i32x4.max_s(green, blue));
    const lowest = i32x4.min_s(red, i32x4.min_s(green, blue));
    const high = f32x4.convert_i32x4_s(top);
    const chroma = f32x4.convert_i32x4_s(i32x4.sub(top, lowest));
    // Grey pixels come to themselves: their saturation is 0, and what is divided by 0, here or below, becomes 0.
    const saturation = f32x4.trunc(f32x4.mul(f32x4.div(chroma, high), f32x4.splat(255)));

    // Distances to the highest channel in units of chroma; one of the two is 0 or 1 exactly.
    const isRed = i32x4.eq(red, top);
    const isGreen = i32x4.eq(green, top);
    const before = v128.bitselect(blue, v128.bitselect(red, green, isGreen), isRed);
    const after = v128.bitselect(green, v128.bitselect(blue, red, isGreen), isRed);
    const plus = f32x4.div(f32x4.convert_i32x4_s(i32x4.sub(top, before)), chroma);
    const minus = f32x4.div(f32x4.convert_i32x4_s(i32x4.sub(top, after)), chroma);
    const third = v128.bitselect(none, v128.bitselect(f32x4.splat(2), f32x4.splat(4), isGreen), isRed);
    // Whole numbers first: then only one of the two steps rounds.
    const sixths = v128.bitselect(
      f32x4.add(f32x4.sub(third, minus), plus),
      f32x4.sub(f32x4.add(third, plus), minus),
      f32x4.eq(minus, one),
    );
    const circle = f32x4.div(sixths, f32x4.splat(6));
    const positive = v128.bitselect(f32x4.add(circle, one), circle, f32x4.lt(circle, none));
    const hue = i32x4.trunc_sat_f32x4_s(f32x4.mul(positive, f32x4.splat(255)));
    const turned = v128.and(i32x4.add(hue, turns), i32x4.splat(255));

    // 6 hue / 255, whole part and rest; (n + 1) * 257 / 65536 is n / 255 for the numbers that occur.
    const six = i32x4.mul(turned, i32x4.splat(6));
    const sector = i32x4.shr_u(i32x4.mul(i32x4.add(six, i32x4.splat(1)), i32x4.splat(257)), 16);
    const rest = i32x4.sub(six, i32x4.mul(sector, i32x4.splat(255)));
    const within = f32x4.mul(f32x4.convert_i32x4_s(rest), f32x4.splat(1 / 255));
    const odd = i32x4.eq(v128.and(sector, i32x4.splat(1)), i32x4.splat(1));
    const way = v128.bitselect(within, f32x4.sub(one, within), odd);

    const strength = f32x4.mul(saturation, f32x4.splat(1 / 255));
    const bottom = level(high, strength);
    const between = level(high, f32x4.mul(strength, way));
    storePixels(to, i8x16.swizzle(joined(top, between, bottom), placesOf(sector)));
    from += 12;
    to += 12;
  }
}

/** high * (1 - share), rounded half up. */
function level(high: v128, share: v128): v128 {
  const rest = f32x4.mul(high, f32x4.sub(f32x4.splat(1), share));
  return i32x4.trunc_sat_f32x4_s(f32x4.add(rest, f32x4.splat(0.5)));
}

/**
 * Where red, green and blue of each pixel come from, as indices of bytes: 0 is the top, 1 what is between, 2 the bottom,
 * and each pixel has four bytes. By the sixth of the circle: (0 1 2), (1 0 2), (2 0 1), (2 1 0), (1 2 0), (0 2 1), and
 * the first once more for its end.
 */
function placesOf(sector: v128): v128 {
  // A byte for each sixth from the lowest on, two bits for each channel, red lowest.
  const codes = i32x4(0b00000110_00010010_00100001_00100100, 0b00100100_00011000_00001001, 0, 0);
  const code = i8x16.swizzle(codes, sector);
  const lowest = i32x4.splat(3);
  const red = v128.and(code, lowest);
  const green = v128.and(i32x4.shr_u(code, 2), lowest);
  const blue = v128.and(i32x4.shr_u(code, 4), lowest);
  return i32x4.add(joined(red, green, blue), i32x4(0x03000000, 0x07040404, 0x0b080808, 0x0f0c0c0c));
}
