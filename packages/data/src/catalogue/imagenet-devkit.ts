import { existsSync } from "node:fs";
import { join } from "node:path";
import { printable, SitError } from "@sitjs/core/errors";
import { byCodeUnits } from "../folder-scan.js";
import { readMat } from "../formats/mat/read.js";
import type { ListedImage } from "./listed-images.js";
import { readRows } from "./lists.js";
import { matField } from "./mat-columns.js";

/** The validation images of ILSVRC 2012 with their labels, and the ids of the classes by label. */
export interface ValidationList {
  readonly ids: readonly string[];
  readonly images: readonly ListedImage[];
}

/**
 * The classes of the validation images by the task's devkit (`ILSVRC2012_devkit_t12`), where that is beside them: they
 * come in one folder, numbered. Labels are the places of the classes' ids among all, sorted, as of folders of classes.
 * @throws SitError "missing-file", "bad-file"
 */
export async function readDevkit(root: string): Promise<ValidationList | undefined> {
  const data = join(root, "ILSVRC2012_devkit_t12", "data");
  const truth = join(data, "ILSVRC2012_validation_ground_truth.txt");
  if (!existsSync(truth)) return undefined;
  const meta = join(data, "meta.mat");
  const file = await readMat(meta, ["synsets"]);
  const numbers = matField(file, ["synsets", "ILSVRC2012_ID"], "number", meta);
  const names = matField(file, ["synsets", "WNID"], "text", meta);
  const children = matField(file, ["synsets", "num_children"], "number", meta);
  // Sets of synonyms that are above others in WordNet have no images of their own.
  const leaves = [...numbers.keys()].filter((i) => children[i] === 0);
  const ids = leaves.map((i) => names[i] as string).sort(byCodeUnits);
  const labels = new Map(leaves.map((i) => [String(numbers[i]), ids.indexOf(names[i] as string)]));
  const images = (await readRows(truth, ["class"])).map(({ cells: [number = ""], where }, i) => {
    const label = labels.get(number);
    if (label === undefined) {
      const expected = `the number of one of the ${labels.size} classes of ${printable(meta)}`;
      throw new SitError("bad-file", `${where}: expected ${expected}, got ${printable(number.slice(0, 60))}`);
    }
    return { file: `ILSVRC2012_val_${String(i + 1).padStart(8, "0")}.JPEG`, label, where };
  });
  return { ids, images };
}
