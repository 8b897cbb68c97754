import { type ImageProblemKind, summarizeProblems } from "@sitjs/data";

/** What images are used for; "all" are of a data set without parts, before it is cut into them. */
export type DataPart = "training" | "test" | "all";

/** An image that a run goes on without. */
export interface LeftOutImage {
  /** What it was to be used for. */
  readonly part: DataPart;
  /** Below the folder of that part, as it is on disk. */
  readonly path: string;
  readonly kind: ImageProblemKind;
  /** What is wrong with it, in words. */
  readonly reason: string;
}

/** The images that a run goes on without, each once, however often it is met. */
export interface LeftOut {
  add(part: LeftOutImage["part"], problem: Omit<LeftOutImage, "part">): void;
  list(): readonly LeftOutImage[];
}

/** @param report told each image when it is met first */
export function leftOutImages(
  report: (event: { readonly event: "left-out" } & LeftOutImage) => void,
): LeftOut {
  const found = new Map<string, LeftOutImage>();
  return {
    add(part, { path, kind, reason }) {
      const key = `${part} ${path}`;
      if (found.has(key)) return;
      const image = { part, path, kind, reason };
      found.set(key, image);
      report({ event: "left-out", ...image });
    },
    list: () => [...found.values()],
  };
}

/** What `summary.json` says of them. */
export function leftOutSummary(images: readonly LeftOutImage[]) {
  const { count, kinds } = summarizeProblems(images);
  const parts = byPart(images).map(([part, { length }]) => [part, length]);
  return {
    count,
    parts: Object.fromEntries(parts) as Partial<Record<DataPart, number>>,
    kinds: Object.fromEntries(kinds.map((each) => [each.kind, each.count])),
    images,
  };
}

/** How many there are of each part, and a line for each kind with the first few names; nothing where there are none. */
export function leftOutLines(images: readonly LeftOutImage[]): string[] {
  return byPart(images).flatMap(([part, left]) => {
    const { count, lines } = summarizeProblems(left);
    const which = part === "all" ? "" : `${part} `;
    return [`Left out ${count} ${which}image${count === 1 ? "" : "s"}:`, ...lines.map((line) => `  ${line}`)];
  });
}

/** Those of each part, without the parts that have none. */
function byPart(images: readonly LeftOutImage[]): [DataPart, LeftOutImage[]][] {
  const parts = ["training", "test", "all"] as const;
  return parts
    .map((part): [DataPart, LeftOutImage[]] => [part, images.filter((image) => image.part === part)])
    .filter(([, left]) => left.length > 0);
}
