import { bytes, double, type Field, float, integer } from "./protobuf.js";

/** A picture, as a PNG file. */
export interface EventImage {
  readonly width: number;
  readonly height: number;
  readonly png: Uint8Array;
}

/** What TensorBoard shows of one step; names may have slashes, which make groups. */
export interface EventValues {
  readonly scalars?: Readonly<Record<string, number>>;
  readonly images?: Readonly<Record<string, EventImage>>;
  /** Markdown. */
  readonly texts?: Readonly<Record<string, string>>;
}

/** The first event of every file. */
export const fileVersion = (wallTime: number): Uint8Array =>
  Buffer.concat([double(WALL_TIME, wallTime), bytes(3, "brain.Event:2")]);

/** Says that a run goes on: whoever has read events of `step` or later forgets them. */
export const sessionStart = (wallTime: number, step: number): Uint8Array =>
  Buffer.concat([double(WALL_TIME, wallTime), integer(STEP, step), bytes(7, [integer(1, 1)])]);

/**
 * A `tensorflow.Event` with a summary: fields of event.proto, summary.proto and tensor.proto by their numbers.
 *
 * @param wallTime seconds since 1970
 */
export function summaryEvent(
  wallTime: number,
  step: number,
  { scalars, images, texts }: EventValues,
): Uint8Array {
  const values: Field[] = [
    ...named(scalars, (value) => [float(2, value)]),
    ...named(images, ({ width, height, png }) => [
      bytes(4, [integer(1, height), integer(2, width), integer(3, RGB), bytes(4, png)]),
    ]),
    ...named(texts, (text) => [
      bytes(8, [integer(1, DT_STRING), bytes(2, [bytes(2, [integer(1, 1)])]), bytes(8, text)]),
      bytes(9, [bytes(1, [bytes(1, "text")]), integer(4, DATA_CLASS_TENSOR)]),
    ]),
  ];
  return Buffer.concat([double(WALL_TIME, wallTime), integer(STEP, step), bytes(5, values)]);
}

/** The step of an event; 0 where it has none. The event begins with its time, as all do that are written here. */
export function stepOf(event: Uint8Array): number {
  const [first, second] = [event[0], event[9]];
  if (first !== (WALL_TIME << 3) + 1 || second !== STEP << 3) return 0;
  let step = 0;
  for (let i = 10, scale = 1; i < event.length; i++, scale *= 128) {
    const byte = event[i] as number;
    step += (byte & 127) * scale;
    if (byte < 128) break;
  }
  return step;
}

const WALL_TIME = 1;
const STEP = 2;
const RGB = 3;
const DT_STRING = 7;
const DATA_CLASS_TENSOR = 2;

function named<T>(values: Readonly<Record<string, T>> = {}, content: (value: T) => Field[]): Field[] {
  return Object.entries(values).map(([name, value]) => bytes(1, [bytes(1, name), ...content(value)]));
}
