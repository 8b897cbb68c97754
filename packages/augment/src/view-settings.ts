import { sidesOf } from "./image.js";
import type { TransformSpec } from "./spec-types.js";
import type { Transform, TransformSettings } from "./transform.js";
import type { ViewSpec } from "./views.js";

/** What a record says of views: all that their pixels depend on, by the names of views and transforms. */
export function viewSettings(views: readonly ViewSpec<TransformSpec | Transform>[]): TransformSettings {
  return inOrder(
    views.map(({ name, size, transforms, mean, deviation, erasing }) => ({
      name,
      settings: {
        size: sides(size, name),
        mean: [...mean],
        deviation: [...deviation],
        erasing: erasing === undefined ? "none" : { ...erasing },
        transforms: ofTransforms(transforms),
      },
    })),
  );
}

/**
 * What a record says of a transform. A module is known by its export and options and the name of its file, which may have
 * moved; of a `Transform` that does not tell its settings nothing is, and `unknown: true`.
 */
export function transformSettings(transform: TransformSpec | Transform): TransformSettings {
  if ("apply" in transform) return transform.settings ?? { unknown: true };
  if (transform.name === "compose") return { transforms: ofTransforms(transform.transforms) };
  if (transform.name === "module") {
    const file = new URL(transform.url).pathname.split("/").at(-1);
    return { file, export: transform.export, options: transform.options ?? "none" };
  }
  const { name, ...options } = transform;
  return "size" in options ? { ...options, size: sides(options.size, name) } : options;
}

function ofTransforms(transforms: readonly (TransformSpec | Transform)[]): TransformSettings {
  return inOrder(transforms.map((one) => ({ name: one.name, settings: transformSettings(one) })));
}

/** Each under its name, the second of a name with its number, and the names in their order. */
function inOrder(
  parts: readonly { readonly name: string; readonly settings: TransformSettings }[],
): TransformSettings {
  const settings: Record<string, unknown> = {};
  const order = parts.map(({ name }, i) => {
    const before = parts.slice(0, i).filter((other) => other.name === name).length;
    return before === 0 ? name : `${name} ${before + 1}`;
  });
  for (const [i, name] of order.entries()) settings[name] = parts[i]?.settings;
  return { order, ...settings };
}

function sides(size: ViewSpec["size"], option: string): readonly [height: number, width: number] {
  const { height, width } = sidesOf(size, option);
  return [height, width];
}
