import { printable } from "@sitjs/core/errors";
import type { LeftOutImage } from "../experiment/left-out.js";

/** So many images are named as they are met; all of them are counted at the end. */
const NAMED = 3;

/** Lines for the first few images that a run goes on without, then one that says there are more. */
export function leftOutTeller(): (image: LeftOutImage) => string | undefined {
  let told = 0;
  return ({ path, reason }) => {
    told++;
    if (told <= NAMED) return `Left out ${printable(path)}: ${reason}`;
    return told === NAMED + 1 ? "Left out more images: they are listed at the end" : undefined;
  };
}
