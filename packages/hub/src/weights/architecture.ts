import { requireOption, SitError } from "@sitjs/core";
import type { VisionTransformerOptions } from "@sitjs/vit";
import { ratioOf, type SavedHead } from "../config.js";
import type { WeightOrigin } from "./origins.js";
import { findPlaces } from "./places.js";
import type { WeightSource } from "./source.js";

export interface ArchitectureOptions {
  /** Whose names the file has; default "auto", by its names. */
  readonly from?: WeightOrigin | "auto" | undefined;
  /** Which of several networks in the file, as in `importWeights`. */
  readonly network?: string | undefined;
  /** Attention heads, of which no tensor tells; default: those of the papers' networks of that width. */
  readonly heads?: number | undefined;
  /** Side of the images; default: that of the positions. Needed where the network has none. */
  readonly imageSize?: number | undefined;
  /** What to call the file in errors. */
  readonly source?: string | undefined;
}

/** What a file's tensors tell of their network. */
export interface FoundArchitecture {
  readonly backbone: VisionTransformerOptions;
  /** The classifier, where the file has one. */
  readonly head: SavedHead | undefined;
}

/** Heads by width, of DeiT's, timm's, MAE's and DINO's networks. */
const headsByWidth: Readonly<Record<number, number>> = { 192: 3, 384: 6, 768: 12, 1024: 16, 1280: 16 };
/** MoCo v3's ViT-S has twice as many. */
const mocoHeads: Readonly<Record<number, number>> = { 384: 12, 768: 12 };

/**
 * The network that a file's tensors are of, by their names and shapes. Positions that the file has are learned ones, also
 * those that a paper has fixed: the network is the same.
 *
 * @throws SitError "bad-parameters" where names or shapes are no vision transformer's, or do not tell `heads` or `imageSize`
 */
export function inferArchitecture(
  tensors: WeightSource["tensors"],
  options: ArchitectureOptions = {},
): FoundArchitecture {
  const { source = "weights" } = options;
  const { origin, places } = findPlaces(Object.keys(tensors), { ...options, source });
  const shapeOf = (name: string) => {
    const part = places.get(name)?.[0];
    return part === undefined ? undefined : tensors[part]?.shape;
  };
  const sides = (name: string, rank: number): readonly number[] => {
    const shape = shapeOf(name);
    if (shape?.length === rank && shape.every((side) => side > 0)) return shape;
    const got = shape === undefined ? "none" : `[${shape.join(", ")}]`;
    throw new SitError("bad-parameters", `${source}: expected ${name} with ${rank} dimensions, got ${got}`);
  };
  const [width = 0, channels = 0, patchSize = 0] = sides("patch_embed.proj.weight", 4);
  const [hidden = 0] = sides("blocks.0.mlp.fc1.weight", 2);
  const table = shapeOf("rel_pos_bias.relative_position_bias_table");
  const told = (option: "heads" | "imageSize", found: number | undefined, what: string): number => {
    const value = options[option] ?? found;
    if (value !== undefined) return value;
    throw new SitError("bad-parameters", `${source}: expected ${what}, which no tensor tells`, {
      mend: `Give the option ${option}.`,
    });
  };
  const usual = (origin === "moco-v3" ? mocoHeads : headsByWidth)[width];
  const heads = told("heads", table?.[1] ?? usual, `the number of heads of a network of width ${width}`);
  requireOption(
    Number.isSafeInteger(heads) && heads > 0 && width % heads === 0,
    "heads",
    `a divisor of width ${width}`,
    heads,
  );
  const grid = gridOf(shapeOf("pos_embed"), table);
  const found = grid === undefined ? undefined : grid * patchSize;
  return {
    backbone: {
      imageSize: told("imageSize", found, "the side of the images"),
      patchSize,
      channels,
      width,
      depth: depthOf(places.keys()),
      heads,
      mlpRatio: ratioOf(hidden, width),
      qkvBias: places.has("blocks.0.attn.q_bias") ? "query-value" : places.has("blocks.0.attn.qkv.bias"),
      // ViTConfig's default; all others are made as timm's.
      layerNormEpsilon: origin === "huggingface-vit" ? 1e-12 : 1e-6,
      dropPath: 0,
      positions: places.has("pos_embed") ? "learned" : "none",
      relativePositions: table !== undefined,
      // Only where training begins; CaiT's, which timm takes too.
      layerScale: places.has("blocks.0.gamma_1") ? 1e-5 : undefined,
    },
    head: headOf(shapeOf, width),
  };
}

function depthOf(names: Iterable<string>): number {
  let depth = 0;
  for (const name of names) {
    const block = /^blocks[.](\d{1,4})[.]/.exec(name)?.[1];
    if (block !== undefined) depth = Math.max(depth, Number(block) + 1);
  }
  return depth;
}

type Shape = readonly number[] | undefined;

/** Patches along a side, of [1, 1 + patches, width], of patches alone, or of a table of offsets. */
function gridOf(positions: Shape, table: Shape): number | undefined {
  const whole = (side: number) => (Number.isInteger(side) && side > 0 ? side : undefined);
  const count = positions?.[1];
  if (count !== undefined) return whole(Math.sqrt(count - 1)) ?? whole(Math.sqrt(count));
  // Every offset between two patches, and three for the class token.
  return table === undefined ? undefined : whole((Math.sqrt((table[0] ?? 0) - 3) + 1) / 2);
}

function headOf(shapeOf: (name: string) => Shape, width: number): SavedHead | undefined {
  const [one, last, first] = ["head.weight", "head.2.weight", "head.0.weight"].map(shapeOf);
  const input = (seen: number | undefined) => (seen === 2 * width ? "token+mean" : "token");
  if (last !== undefined) return { kind: "two-layer", classes: last[0] ?? 0, input: input(first?.[1]) };
  if (one === undefined) return undefined;
  if (shapeOf("head.norm.weight") !== undefined) return { kind: "average-norm", classes: one[0] ?? 0 };
  return { kind: "linear", classes: one[0] ?? 0, input: input(one[1]) };
}
