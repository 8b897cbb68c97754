/** Four pixels at a time, in four numbers of 32 bits. */

/** Loads four pixels, each as the bytes red, green, blue and green again. */
export function loadPixels(from: usize): v128 {
  const pixels = v128.load(from);
  return i8x16.shuffle(pixels, pixels, 0, 1, 2, 1, 3, 4, 5, 4, 6, 7, 8, 7, 9, 10, 11, 10);
}

export function reds(pixels: v128): v128 {
  return v128.and(pixels, i32x4.splat(255));
}

export function greens(pixels: v128): v128 {
  return i32x4.shr_u(pixels, 24);
}

export function blues(pixels: v128): v128 {
  return v128.and(i32x4.shr_u(pixels, 16), i32x4.splat(255));
}

/** ITU-R 601 luma with Pillow's weights of 16 bits behind the point: 19595, 38470 and 7471. */
export function lumas(pixels: v128): v128 {
  const redBlue = v128.and(pixels, i16x8.splat(255));
  // Green's weight does not fit into 16 bits with a sign: half of it for each of the two greens.
  const greenGreen = i16x8.shr_u(pixels, 8);
  const sum = i32x4.add(
    i32x4.dot_i16x8_s(redBlue, i32x4.splat((7471 << 16) | 19595)),
    i32x4.dot_i16x8_s(greenGreen, i16x8.splat(19235)),
  );
  return i32x4.shr_u(i32x4.add(sum, i32x4.splat(32768)), 16);
}

/** Three channels, each 0 to 255, as the lower three bytes. */
export function joined(red: v128, green: v128, blue: v128): v128 {
  return v128.or(red, v128.or(i32x4.shl(green, 8), i32x4.shl(blue, 16)));
}

/** Writes the lower three bytes of each, twelve in all and no more: what follows may not have been read yet. */
export function storePixels(to: usize, pixels: v128): void {
  const bytes = i8x16.shuffle(pixels, pixels, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3, 7, 11, 15);
  v128.store64_lane(to, bytes, 0);
  v128.store32_lane(to, bytes, 2, 8);
}
