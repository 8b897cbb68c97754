import { type RandomStream, randomStream } from "../random.js";
import { type Check, checksOf, refusal } from "./check.js";
import { type SettingsCheckOptions, settingsBodies, type TestedPart } from "./settings-checks.js";

/** A picture as `@sitjs/augment` has it: `data[(y * width + x) * channels + c]`, bytes 0 to 255 or floats 0 to 1. */
export interface TestedImage {
  readonly data: Uint8Array | Uint8ClampedArray | Float32Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
}

/** An augmentation: what `@sitjs/augment` calls a `Transform`. */
export interface TestedTransform extends TestedPart {
  apply(image: TestedImage, rng: RandomStream): TestedImage;
}

export interface TransformCheckOptions extends SettingsCheckOptions<TestedTransform> {
  /** What it takes: grey pictures (1), colour (3); default both. */
  readonly channels?: readonly (1 | 3)[];
  /** False for one that draws nothing; default true. */
  readonly random?: boolean;
  /** Sides that it gives, whatever the picture's; default: not looked at. */
  readonly size?: { readonly height: number; readonly width: number };
  /** How far floats may go beyond 0 and 1 (default 0): bicubic interpolation overshoots at edges. */
  readonly overshoot?: number;
}

const SIDES = { width: 20, height: 14 };

/** Smooth colours with some noise; the same each time. */
function picture(channels: 1 | 3, kind: "bytes" | "floats", { width, height } = SIDES): TestedImage {
  const rng = randomStream(0, "conformance", "picture");
  const data = new (kind === "bytes" ? Uint8Array : Float32Array)(width * height * channels);
  for (let i = 0; i < data.length; i++) {
    const [channel, pixel] = [i % channels, Math.floor(i / channels)];
    const slope = (pixel % width) / width + Math.floor(pixel / width) / height;
    const value = Math.min(1, Math.max(0, 0.2 * channel + 0.3 * slope + rng.between(0, 0.2)));
    data[i] = kind === "bytes" ? Math.round(255 * value) : value;
  }
  return { data, width, height, channels };
}

const sidesText = ({ width, height, channels, data }: TestedImage) =>
  `${width} x ${height} x ${channels} in ${data.length} values`;

const same = (a: TestedImage, b: TestedImage) =>
  sidesText(a) === sidesText(b) && a.data.every((value, i) => Object.is(value, b.data[i]));

/** What is asked of every augmentation. `make` is called for each check. */
export function transformChecks(
  make: () => TestedTransform | Promise<TestedTransform>,
  options: TransformCheckOptions = {},
): Check[] {
  const { channels = [1, 3], random = true, size, overshoot = 0 } = options;
  const kinds = ["bytes", "floats"] as const;
  const pictures = () => channels.flatMap((count) => kinds.map((kind) => picture(count, kind)));
  const stream = (seed = 0) => randomStream(seed, "augment");
  /** Random ones often do nothing: several draws see more of what they do. */
  const DRAWS = 12;

  return checksOf(make, {
    ...settingsBodies(make, options),

    "gives an image whose values fit its sides"(part, ensure) {
      for (const image of pictures()) {
        for (let seed = 0; seed < DRAWS; seed++) {
          const made = part.apply(image, stream(seed));
          const whole = [made.width, made.height].every((side) => Number.isSafeInteger(side) && side > 0);
          const fits = whole && made.data.length === made.width * made.height * made.channels;
          ensure(fits, "width x height x channels values", sidesText(made));
          ensure(made.channels === image.channels, `${image.channels} channels as before`, made.channels);
          const bytes = !(made.data instanceof Float32Array);
          ensure(bytes || image.data instanceof Float32Array, "bytes where it is given bytes", "floats");
          if (size === undefined) continue;
          const right = made.width === size.width && made.height === size.height;
          ensure(right, `${size.width} x ${size.height}`, sidesText(made));
        }
      }
    },

    "keeps floats from 0 to 1"(part, ensure) {
      for (const count of channels) {
        const dark = picture(count, "floats");
        // Black and white: what goes beyond the range does so here.
        const stark = { ...dark, data: dark.data.map((value) => (value > 0.5 ? 1 : 0)) };
        for (const image of [dark, stark]) {
          for (let seed = 0; seed < DRAWS; seed++) {
            const { data } = part.apply(image, stream(seed));
            if (!(data instanceof Float32Array)) continue;
            const beyond = data.find((value) => !(value >= -overshoot && value <= 1 + overshoot));
            ensure(beyond === undefined, `values from 0 to 1, beyond by ${overshoot} at most`, beyond);
          }
        }
      }
    },

    "does not write into the image it is given"(part, ensure) {
      for (const image of pictures()) {
        const before = { ...image, data: image.data.slice() };
        for (let seed = 0; seed < DRAWS; seed++) part.apply(image, stream(seed));
        ensure(same(image, before), "the image as it was", "a changed one");
      }
    },

    "draws from its stream alone"(part, ensure) {
      for (const image of pictures()) {
        const made = Array.from({ length: DRAWS }, (_, seed) => part.apply(image, stream(seed)));
        const [first] = made as [TestedImage];
        const again = part.apply(image, stream(0));
        ensure(same(first, again), "the same bits from the same stream", "others");
        const different = made.some((other) => !same(first, other));
        if (random) ensure(different, `other bits from some of ${DRAWS} streams`, "the same");
        else ensure(!different, "the same bits from any stream", "others");
      }
    },

    "remembers no other image"(part, ensure) {
      for (const image of pictures()) {
        const before = part.apply(image, stream());
        const kept = { ...before, data: before.data.slice() };
        part.apply({ ...image, data: image.data.map((value, i) => (i % 2 === 0 ? value : 0)) }, stream());
        ensure(same(before, kept), "a result that stays as it was", "one that the next image changed");
        ensure(same(part.apply(image, stream()), kept), "the same result after another image", "another");
      }
    },

    "takes tiny images, or refuses them"(part, ensure) {
      for (const sides of [
        { width: 1, height: 1 },
        { width: 1, height: 9 },
        { width: 7, height: 2 },
      ]) {
        for (const count of channels) {
          let made: TestedImage | undefined;
          const { refused, got } = refusal(() => {
            made = part.apply(picture(count, "bytes", sides), stream());
          });
          const fits = made && made.data.length === made.width * made.height * made.channels;
          ensure(
            refused || fits === true,
            `an image or a SitError for ${sides.width} x ${sides.height}`,
            got,
          );
        }
      }
    },
  });
}
