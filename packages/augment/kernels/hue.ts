import { blues, greens, reds, storePixels } from "./pixels";

/**
 * Turns the hue of `count` pixels by `turn` (in 255ths of the circle) in Pillow's 8-bit HSV; source and target may be the
 * same. Pillow computes some of this in 64-bit floats; 32 bits give the same bytes for every colour, which a test goes
 * through.
 */
export function turnHue(from: usize, count: i32, turn: i32, to: usize): void {
  const one = f32x4.splat(1);
  const none = f32x4.splat(0);
  const turns = i32x4.splat(turn);
  for (let i = 0; i < count; i += 4) {
    const pixels = v128.load(from);
    const red = f32x4.convert_i32x4_s(reds(pixels));
    const green = f32x4.convert_i32x4_s(greens(pixels));
    const blue = f32x4.convert_i32x4_s(blues(pixels));
    const high = f32x4.max(red, f32x4.max(green, blue));
    const chroma = f32x4.sub(high, f32x4.min(red, f32x4.min(green, blue)));
    // Grey pixels come to hue and saturation 0 (a division by zero is truncated to 0) and so to themselves.
    const saturation = f32x4.trunc(f32x4.mul(f32x4.div(chroma, high), f32x4.splat(255)));

    // Distances to the highest channel in units of chroma; one of the two is 0 or 1 exactly.
    const isRed = f32x4.eq(red, high);
    const isGreen = f32x4.eq(green, high);
    const before = v128.bitselect(blue, v128.bitselect(red, green, isGreen), isRed);
    const after = v128.bitselect(green, v128.bitselect(blue, red, isGreen), isRed);
    const plus = f32x4.div(f32x4.sub(high, before), chroma);
    const minus = f32x4.div(f32x4.sub(high, after), chroma);
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
    const within = f32x4.div(f32x4.convert_i32x4_s(rest), f32x4.splat(255));
    const odd = i32x4.eq(v128.and(sector, i32x4.splat(1)), i32x4.splat(1));
    const way = v128.bitselect(within, f32x4.sub(one, within), odd);

    const strength = f32x4.div(saturation, f32x4.splat(255));
    const top = i32x4.trunc_sat_f32x4_s(high);
    const bottom = level(high, strength);
    const between = level(high, f32x4.mul(strength, way));
    const in0 = v128.or(i32x4.eq(sector, i32x4.splat(0)), i32x4.eq(sector, i32x4.splat(6)));
    const in1 = i32x4.eq(sector, i32x4.splat(1));
    const in2 = i32x4.eq(sector, i32x4.splat(2));
    const in3 = i32x4.eq(sector, i32x4.splat(3));
    const in4 = i32x4.eq(sector, i32x4.splat(4));
    const in5 = i32x4.eq(sector, i32x4.splat(5));
    storePixels(
      to,
      channel(v128.or(in0, in5), v128.or(in1, in4), top, between, bottom),
      channel(v128.or(in1, in2), v128.or(in0, in3), top, between, bottom),
      channel(v128.or(in3, in4), v128.or(in2, in5), top, between, bottom),
    );
    from += 12;
    to += 12;
  }
}

/** high * (1 - share), rounded half up. */
function level(high: v128, share: v128): v128 {
  const rest = f32x4.mul(high, f32x4.sub(f32x4.splat(1), share));
  return i32x4.trunc_sat_f32x4_s(f32x4.add(rest, f32x4.splat(0.5)));
}

function channel(isTop: v128, isBetween: v128, top: v128, between: v128, bottom: v128): v128 {
  return v128.bitselect(top, v128.bitselect(between, bottom, isBetween), isTop);
}
