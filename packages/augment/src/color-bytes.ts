/**
 * Colour operations on bytes with Pillow's arithmetic, from `source` into `target`; the two may be the same array.
 * Blends are computed in 32-bit floats and truncated, as `ImageEnhance` does.
 */

const fround = Math.fround;

/** base + factor * (value - base) in 32-bit floats, truncated and clipped to a byte. */
function blend(base: number, value: number, factor: number): number {
  const mixed = fround(base + fround(factor * (value - base)));
  return mixed <= 0 ? 0 : mixed >= 255 ? 255 : mixed | 0;
}

/** ITU-R 601 luma with 16-bit fixed-point weights. */
function luma(red: number, green: number, blue: number): number {
  return (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16;
}

/** Each level by a table, where there are enough of them to pay for it; a table has no branches to mispredict. */
function mapLevels(source: Uint8Array, target: Uint8Array, map: (level: number) => number): void {
  if (source.length < 256) {
    for (let i = 0; i < source.length; i++) target[i] = map(source[i] as number);
    return;
  }
  const table = new Uint8Array(256);
  for (let level = 0; level < 256; level++) table[level] = map(level);
  for (let i = 0; i < source.length; i++) target[i] = table[source[i] as number] as number;
}

function blendWithConstant(source: Uint8Array, target: Uint8Array, base: number, factor: number): void {
  const single = fround(factor);
  mapLevels(source, target, (level) => blend(base, level, single));
}

export function brightnessBytes(source: Uint8Array, target: Uint8Array, factor: number): void {
  blendWithConstant(source, target, 0, factor);
}

/** Blends with one grey, the rounded mean of the luma. */
export function contrastBytes(
  source: Uint8Array,
  target: Uint8Array,
  channels: number,
  factor: number,
): void {
  let sum = 0;
  if (channels === 1) for (let i = 0; i < source.length; i++) sum += source[i] as number;
  else {
    for (let i = 0; i < source.length; i += 3) {
      sum += luma(source[i] as number, source[i + 1] as number, source[i + 2] as number);
    }
  }
  blendWithConstant(source, target, Math.trunc(sum / (source.length / channels) + 0.5), factor);
}

/** Three channels: blends every pixel with its own luma. */
export function saturationBytes(source: Uint8Array, target: Uint8Array, factor: number): void {
  const single = fround(factor);
  for (let i = 0; i < source.length; i += 3) {
    const red = source[i] as number;
    const green = source[i + 1] as number;
    const blue = source[i + 2] as number;
    const grey = luma(red, green, blue);
    target[i] = blend(grey, red, single);
    target[i + 1] = blend(grey, green, single);
    target[i + 2] = blend(grey, blue, single);
  }
}

/** Three channels: the luma in all of them. */
export function grayscaleBytes(source: Uint8Array, target: Uint8Array): void {
  for (let i = 0; i < source.length; i += 3) {
    const grey = luma(source[i] as number, source[i + 1] as number, source[i + 2] as number);
    target[i] = grey;
    target[i + 1] = grey;
    target[i + 2] = grey;
  }
}

/** Three channels to one: the luma. */
export function lumaBytes(source: Uint8Array, target: Uint8Array): void {
  for (let i = 0; i < target.length; i++) {
    const from = i * 3;
    target[i] = luma(source[from] as number, source[from + 1] as number, source[from + 2] as number);
  }
}

export function solarizeBytes(source: Uint8Array, target: Uint8Array, threshold: number): void {
  mapLevels(source, target, (level) => (level < threshold ? level : 255 - level));
}

/** For each byte of hue: its sixth of the colour circle, and how far into it. */
const SECTOR = new Uint8Array(256);
const WITHIN = new Float32Array(256);
for (let hue = 0; hue < 256; hue++) {
  const sixths = (hue * 6) / 255;
  SECTOR[hue] = Math.floor(sixths) % 6;
  WITHIN[hue] = sixths - Math.floor(sixths);
}

/**
 * Three channels: turns the hue by `shift` (a fraction of the circle, -0.5 to 0.5) in Pillow's 8-bit HSV. Hue and
 * saturation are truncated to bytes on the way, so some levels change even with shift 0, as they do in Pillow.
 */
export function hueBytes(source: Uint8Array, target: Uint8Array, shift: number): void {
  const turn = Math.trunc(shift * 255);
  for (let i = 0; i < source.length; i += 3) {
    const red = source[i] as number;
    const green = source[i + 1] as number;
    const blue = source[i + 2] as number;
    const high = Math.max(red, green, blue);
    const low = Math.min(red, green, blue);
    let saturation = 0;
    let hue = turn & 255;
    if (high !== low) {
      const chroma = high - low;
      saturation = (fround(chroma / high) * 255) | 0;
      const sixths =
        red === high
          ? fround(fround((high - blue) / chroma) - fround((high - green) / chroma))
          : green === high
            ? fround(2 + fround((high - red) / chroma) - fround((high - blue) / chroma))
            : fround(4 + fround((high - green) / chroma) - fround((high - red) / chroma));
      const circle = sixths / 6 + 1;
      hue = ((fround(circle >= 1 ? circle - 1 : circle) * 255) | 0) + turn;
      hue &= 255;
    }
    if (saturation === 0) {
      target[i] = high;
      target[i + 1] = high;
      target[i + 2] = high;
      continue;
    }
    const strength = fround(saturation / 255);
    const within = WITHIN[hue] as number;
    const p = (high * (1 - strength) + 0.5) | 0;
    const q = (high * (1 - fround(strength * within)) + 0.5) | 0;
    const t = (high * (1 - strength * (1 - within)) + 0.5) | 0;
    switch (SECTOR[hue]) {
      case 0:
        target[i] = high;
        target[i + 1] = t;
        target[i + 2] = p;
        break;
      case 1:
        target[i] = q;
        target[i + 1] = high;
        target[i + 2] = p;
        break;
      case 2:
        target[i] = p;
        target[i + 1] = high;
        target[i + 2] = t;
        break;
      case 3:
        target[i] = p;
        target[i + 1] = q;
        target[i + 2] = high;
        break;
      case 4:
        target[i] = t;
        target[i + 1] = p;
        target[i + 2] = high;
        break;
      default:
        target[i] = high;
        target[i + 1] = p;
        target[i + 2] = q;
    }
  }
}
