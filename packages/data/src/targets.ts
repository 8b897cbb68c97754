import { requireOption, SitError } from "@sitjs/core/errors";

/** In `targets`: whether the sample shows the class does not count, as for an object that is marked as difficult. */
export const notCounted = 255;

/** @throws SitError "bad-option" unless these are [length, classes] and each is 0, 1 or `notCounted` */
export function requireTargets(
  targets: ArrayLike<number>,
  length: number,
  classes: number | undefined,
  name: string,
): void {
  requireOption(
    classes !== undefined && classes > 0,
    "classes",
    `their names, for the targets of ${name}`,
    classes,
  );
  requireOption(
    targets.length === length * (classes as number),
    "targets",
    `${length} images x ${classes} classes`,
    targets.length,
  );
  for (let i = 0; i < targets.length; i++) {
    const target = targets[i] as number;
    if (target === 0 || target === 1 || target === notCounted) continue;
    const place = `targets[${Math.floor(i / (classes as number))}][${i % (classes as number)}]`;
    const message = `${place} of ${name}: expected 0, 1 or ${notCounted} (not counted), got ${target}`;
    throw new SitError("bad-option", message);
  }
}

/** The rows at `indices` of [samples, classes], in that order. */
export function pickTargets(
  targets: Uint8Array,
  classes: number,
  indices: ArrayLike<number>,
): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(indices.length * classes);
  for (let row = 0; row < indices.length; row++) {
    const at = (indices[row] as number) * classes;
    out.set(targets.subarray(at, at + classes), row * classes);
  }
  return out;
}
