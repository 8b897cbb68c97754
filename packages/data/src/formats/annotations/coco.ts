import { SitError } from "@sitjs/core/errors";
import { describeJson, parseJsonBytes } from "@sitjs/core/json";
import * as v from "valibot";
import { type AnnotationOptions, type Annotations, collector } from "./annotations.js";
import { validate } from "./validate.js";

/** Whole numbers in COCO's own files; other tools write texts. */
const id = v.union([v.number(), v.string()]);
type Id = v.InferOutput<typeof id>;

/** The part of https://cocodataset.org/#format-data that labels need. */
const file = v.object({
  images: v.array(v.object({ id, file_name: v.string() })),
  annotations: v.array(v.object({ image_id: id, category_id: id })),
  categories: v.array(v.object({ id, name: v.string() })),
});

/** What `cocoAnnotations` gives, of the bytes of a file that messages call `source`. */
export function parseCocoAnnotations(
  bytes: Uint8Array,
  options: AnnotationOptions = {},
  source = "annotations.json",
): Annotations {
  return cocoOf(parseJsonBytes(bytes, source), options, source);
}

/** The same of the file's JSON value. */
export function cocoOf(value: unknown, options: AnnotationOptions, source: string): Annotations {
  const { images, annotations, categories } = validate(file, value, source);
  const names = new Map<Id, string>();
  for (const [i, { id, name }] of categories.entries()) {
    requireNew(names, id, `${source}: categories[${i}].id`);
    if (name === "")
      throw new SitError("bad-file", `${source}: categories[${i}]: expected a name, got an empty one`);
    names.set(id, name);
  }
  const ordered = [...categories].sort((a, b) => byId(a.id, b.id)).map(({ name }) => name);
  const twice = new Set(ordered).size < ordered.length;
  if (twice) throw new SitError("bad-file", `${source}: categories: expected each name once, got one twice`);

  const labels = new Map<Id, Set<string>>();
  for (const [i, image] of images.entries()) {
    requireNew(labels, image.id, `${source}: images[${i}].id`);
    labels.set(image.id, new Set());
  }
  for (const [i, { image_id, category_id }] of annotations.entries()) {
    const where = `${source}: annotations[${i}]`;
    const image = requireKnown(labels, image_id, `${where}.image_id`, "images");
    image.add(requireKnown(names, category_id, `${where}.category_id`, "categories"));
  }
  const collected = collector(options, ordered);
  for (const [i, { id, file_name }] of images.entries()) {
    collected.add(file_name, [...(labels.get(id) as Set<string>)], `${source}: images[${i}]`);
  }
  return collected.finish();
}

function requireNew(known: ReadonlyMap<Id, unknown>, id: Id, where: string): void {
  if (!known.has(id)) return;
  throw new SitError("bad-file", `${where}: expected each id once, got ${describeJson(id)} again`);
}

function requireKnown<T>(known: ReadonlyMap<Id, T>, id: Id, where: string, among: string): T {
  const found = known.get(id);
  if (found !== undefined) return found;
  throw new SitError("bad-file", `${where}: expected an id among ${among}, got ${describeJson(id)}`);
}

/** Numbers by size before texts by code units. */
function byId(a: Id, b: Id): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === typeof b) return a < b ? -1 : 1;
  return typeof a === "number" ? -1 : 1;
}
