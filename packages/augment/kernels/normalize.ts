/**
 * Bytes to floats by a table of 256 for each of `channels`, the tables one after the other. `step` is the source's number
 * of channels: 1 or `channels`. `mirrored` exchanges left and right.
 */
export function normalize(
  from: usize,
  step: i32,
  width: i32,
  height: i32,
  tables: usize,
  channels: i32,
  mirrored: bool,
  to: usize,
): void {
  const stride = mirrored ? -channels << 2 : channels << 2;
  const second = step === 1 ? 0 : 1;
  const third = step === 1 ? 0 : 2;
  for (let y = 0; y < height; y++) {
    let pixel = mirrored ? to + (((width - 1) * channels) << 2) : to;
    for (let x = 0; x < width; x++) {
      store<f32>(pixel, load<f32>(tables + ((<usize>load<u8>(from)) << 2)));
      if (channels === 3) {
        store<f32>(pixel, load<f32>(tables + ((<usize>load<u8>(from + second)) << 2), 1024), 4);
        store<f32>(pixel, load<f32>(tables + ((<usize>load<u8>(from + third)) << 2), 2048), 8);
      }
      from += step;
      pixel += stride;
    }
    to += (width * channels) << 2;
  }
}
