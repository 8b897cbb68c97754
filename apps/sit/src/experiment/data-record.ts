import { datasetFingerprint, type ImageDataset } from "@sitjs/data";
import type { RunData } from "./run-data.js";

/** What a run knows its images again by. */
export interface DataRecord {
  /** As the user named it. */
  readonly source: string;
  /** What it is called in reports: no path above the folder itself. */
  readonly name: string;
  readonly train: DataPart;
  readonly test?: DataPart;
}

interface DataPart {
  readonly images: number;
  /** See `datasetFingerprint`. */
  readonly sha256: string;
}

export async function dataRecord({ source, name, train, test }: RunData): Promise<DataRecord> {
  return { source, name, train: await part(train), ...(test && { test: await part(test) }) };
}

async function part(dataset: ImageDataset): Promise<DataPart> {
  return { images: dataset.length, sha256: await datasetFingerprint(dataset) };
}

/** How the images differ from those of the saved run, in words; empty where they are the same. */
export function dataDifferences(saved: DataRecord, now: DataRecord): string[] {
  return [
    ...partDifference("training", saved.train, now.train),
    ...(saved.test && now.test ? partDifference("test", saved.test, now.test) : []),
  ];
}

function partDifference(which: string, saved: DataPart, now: DataPart): string[] {
  if (saved.sha256 === now.sha256) return [];
  const more = now.images - saved.images;
  if (more === 0)
    return [`as many ${which} images, ${now.images}, but others: names, sizes, labels or order differ`];
  const change = `${Math.abs(more)} ${which} image${Math.abs(more) === 1 ? "" : "s"} ${more > 0 ? "more" : "fewer"}`;
  return [`${change}, ${now.images} (saved ${saved.images})`];
}
