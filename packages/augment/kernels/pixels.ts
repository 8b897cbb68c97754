/** Four pixels at a time, each channel in four numbers of 32 bits. */

export function reds(pixels: v128): v128 {
  return i8x16.shuffle(pixels, i32x4.splat(0), 0, 16, 16, 16, 3, 16, 16, 16, 6, 16, 16, 16, 9, 16, 16, 16);
}

export function greens(pixels: v128): v128 {
  return i8x16.shuffle(pixels, i32x4.splat(0), 1, 16, 16, 16, 4, 16, 16, 16, 7, 16, 16, 16, 10, 16, 16, 16);
}

export function blues(pixels: v128): v128 {
  return i8x16.shuffle(pixels, i32x4.splat(0), 2, 16, 16, 16, 5, 16, 16, 16, 8, 16, 16, 16, 11, 16, 16, 16);
}

/** Writes the four pixels, twelve bytes; the channels are 0 to 255. */
export function storePixels(to: usize, red: v128, green: v128, blue: v128): void {
  const all = v128.or(red, v128.or(i32x4.shl(green, 8), i32x4.shl(blue, 16)));
  const bytes = i8x16.shuffle(all, all, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3, 7, 11, 15);
  v128.store64_lane(to, bytes, 0);
  v128.store32_lane(to, bytes, 2, 8);
}

/** ITU-R 601 luma with Pillow's weights of 16 bits behind the point: 19595, 38470 and 7471. */
export function lumas(pixels: v128): v128 {
  const none = i32x4.splat(0);
  const redGreen = i8x16.shuffle(pixels, none, 0, 16, 1, 16, 3, 16, 4, 16, 6, 16, 7, 16, 9, 16, 10, 16);
  const greenBlue = i8x16.shuffle(pixels, none, 1, 16, 2, 16, 4, 16, 5, 16, 7, 16, 8, 16, 10, 16, 11, 16);
  // Green's weight does not fit into 16 bits with a sign: half of it is in each product.
  const sum = i32x4.add(
    i32x4.dot_i16x8_s(redGreen, i32x4.splat((19235 << 16) | 19595)),
    i32x4.dot_i16x8_s(greenBlue, i32x4.splat((7471 << 16) | 19235)),
  );
  return i32x4.shr_u(i32x4.add(sum, i32x4.splat(32768)), 16);
}
