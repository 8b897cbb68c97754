import type { RandomStream } from "@sitjs/core/random";
import type { Image } from "./image.js";

/** Options as plain JSON, as `PartSettings` of `@sitjs/core`. */
export type TransformSettings = Readonly<Record<string, unknown>>;

/**
 * One step of a pipeline; a plugin is a plain object like this. `apply` must not write into the image it is given;
 * it returns that image or a new one. It takes all its randomness from `rng`, which is its own: another
 * transform's draws never move it.
 */
export interface Transform {
  readonly name: string;
  /**
   * Every option that results depend on, by its name, with the defaults in their places, as plain JSON; the same names
   * whatever the options. For records: a run that goes on must have the same. Left out, the name alone is compared.
   */
  readonly settings?: TransformSettings;
  apply(image: Image, rng: RandomStream): Image;
}
