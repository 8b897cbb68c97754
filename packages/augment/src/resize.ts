import { requireOption } from "@sitjs/core/errors";
import { type Coefficients, type Interpolation, resizeCoefficients } from "./coefficients.js";
import { type Box, bytesOf, checkBox, floatsOf, type Image, type Size, sidesOf } from "./image.js";
import { kernelMemory, kernels, layOut } from "./kernels.js";

/**
 * Cuts `box` out of the image and resizes it to `size`: first along the rows, then along the columns; pixels outside
 * the box do not count. Bytes are rounded and clipped after each pass with the fixed-point arithmetic of
 * Pillow's `Image.resize`; floats are not clipped, so bicubic may overshoot 0 and 1 (torchvision's tensor path).
 * Throws `SitError("bad-option")` for a box outside the image or an unknown interpolation.
 */
export function resizeCrop(
  image: Image,
  box: Box,
  size: Size,
  interpolation: Interpolation = "bicubic",
): Image {
  checkBox(image, box);
  requireOption(
    interpolation === "bicubic" || interpolation === "bilinear",
    "interpolation",
    '"bicubic" or "bilinear"',
    interpolation,
  );
  const { height, width } = sidesOf(size);
  const { channels } = image;
  // Pillow starts with the columns where the picture is a very tall strip; rounding makes the order visible.
  if (box.height > 100 * box.width && height < box.height && box.width !== width) {
    const strip = resizeCrop(image, box, { height, width: box.width }, interpolation);
    return resizeImage(strip, { height, width }, interpolation);
  }
  const across = box.width === width ? undefined : resizeCoefficients(box.width, width, interpolation);
  const down = box.height === height ? undefined : resizeCoefficients(box.height, height, interpolation);
  const bytes = bytesOf(image);
  const area: Area = { ...box, rowLength: image.width * channels, channels };
  if (bytes !== undefined) {
    const data = resizeBytes(bytes, area, across, down, { height, width });
    return { data, width, height, channels };
  }
  const data = new Float32Array(height * width * channels);
  const rows = down === undefined ? data : new Float32Array(box.height * width * channels);
  if (across === undefined) copyRows(floatsOf(image), area, rows);
  else acrossFloats(floatsOf(image), area, across, width, rows);
  if (down !== undefined) downFloats(rows, down, height, width * channels, data);
  return { data, width, height, channels };
}

/** Resizes the whole image to `size`; as `resizeCrop` otherwise. */
export function resizeImage(image: Image, size: Size, interpolation: Interpolation = "bicubic"): Image {
  const box = { top: 0, left: 0, height: image.height, width: image.width };
  return resizeCrop(image, box, size, interpolation);
}

interface Area extends Box {
  /** Values in a row of the whole image. */
  readonly rowLength: number;
  readonly channels: number;
}

function copyRows<P extends Uint8Array | Float32Array>(source: P, area: Area, target: P): void {
  const length = area.width * area.channels;
  for (let y = 0; y < area.height; y++) {
    const from = (area.top + y) * area.rowLength + area.left * area.channels;
    target.set(source.subarray(from, from + length), y * length);
  }
}

/** Bytes of the source that are resized at a time, so that they are still in the processor's second cache. */
const BAND = 96 * 1024;

/** Both passes; where a table is undefined, that side stays as it is. */
function resizeBytes(
  source: Uint8Array,
  area: Area,
  across: Coefficients | undefined,
  down: Coefficients | undefined,
  { height, width }: { readonly height: number; readonly width: number },
): Uint8Array {
  const { resizeRows, resizeColumns } = kernels();
  const { channels } = area;
  const areaLength = area.width * channels;
  const rowLength = width * channels;
  const bandRows = Math.max(1, Math.floor(BAND / areaLength));
  const fours = (table: Coefficients | undefined) => Math.ceil((table?.most ?? 0) / 4);
  // The zeros that fill up weights are multiplied with what lies behind a line: it must be in memory.
  const behind = (table: Coefficients | undefined) => 4 * fours(table);
  const bytesIn = (part: "starts" | "fixed") =>
    Math.max(across?.[part].byteLength ?? 0, down?.[part].byteLength ?? 0);
  const [band, rows, result, starts, weights] = layOut(
    bandRows * areaLength + behind(across) * channels,
    (area.height + behind(down)) * rowLength,
    height * rowLength,
    bytesIn("starts"),
    bytesIn("fixed"),
  ) as [number, number, number, number, number];
  const memory = kernelMemory();
  const put = (table: Coefficients) => {
    memory.set(new Uint8Array(table.starts.buffer), starts);
    memory.set(new Uint8Array(table.fixed.buffer), weights);
  };

  if (across === undefined) copyRows(source, area, memory.subarray(rows));
  else {
    put(across);
    for (let y = 0; y < area.height; y += bandRows) {
      const bandArea = { ...area, top: area.top + y, height: Math.min(bandRows, area.height - y) };
      copyRows(source, bandArea, memory.subarray(band));
      const to = rows + y * rowLength;
      resizeRows(band, areaLength, bandArea.height, channels, starts, weights, fours(across), width, to);
    }
  }
  if (down === undefined) return memory.slice(rows, rows + height * rowLength);
  put(down);
  const pairs = Math.ceil(down.most / 2);
  resizeColumns(rows, rowLength, starts, weights, fours(down), pairs, height, result);
  return memory.slice(result, result + height * rowLength);
}

function acrossFloats(
  source: Float32Array,
  area: Area,
  table: Coefficients,
  width: number,
  target: Float32Array,
): void {
  const { starts, counts, taps, weights } = table;
  const { channels } = area;
  let to = 0;
  for (let y = 0; y < area.height; y++) {
    const row = (area.top + y) * area.rowLength + area.left * channels;
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < channels; channel++) {
        let from = row + (starts[x] as number) * channels + channel;
        let sum = 0;
        for (let k = x * taps; k < x * taps + (counts[x] as number); k++) {
          sum += (source[from] as number) * (weights[k] as number);
          from += channels;
        }
        target[to++] = sum;
      }
    }
  }
}

function downFloats(
  source: Float32Array,
  table: Coefficients,
  height: number,
  rowLength: number,
  target: Float32Array,
): void {
  const { starts, counts, taps, weights } = table;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < rowLength; x++) {
      let from = (starts[y] as number) * rowLength + x;
      let sum = 0;
      for (let k = y * taps; k < y * taps + (counts[y] as number); k++) {
        sum += (source[from] as number) * (weights[k] as number);
        from += rowLength;
      }
      target[y * rowLength + x] = sum;
    }
  }
}
