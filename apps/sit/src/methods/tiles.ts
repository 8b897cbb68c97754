import { requireOption } from "@sitjs/core";
import type { JigsawOptions, RelativePositionOptions } from "@sitjs/masking";
import { optionName } from "../settings/check.js";
import type { Settings } from "../settings/settings.js";

/** Pixels of a tile's side and between tiles, so that a tile is whole patches; the papers' shares of an image else. */
type Sizes = Pick<Settings, "imageSize" | "patchSize">;

/** The paper's tile is 64 of a cell's 75 pixels; the rest is the gap. */
const TILE_SHARE = 64 / 75;

/**
 * The gap of jigsaw tiles.
 * @throws SitError "bad-option" where a cell holds no patch with a gap
 */
export function jigsawGap({ imageSize, patchSize, tileRows }: Sizes & Pick<Settings, "tileRows">) {
  const cell = Math.floor(imageSize / tileRows);
  const most = Math.floor((cell - 1) / patchSize);
  requireOption(
    most >= 1,
    optionName("tileRows"),
    `so few that a cell of the image, ${imageSize} pixels, is larger than a patch of ${patchSize}`,
    tileRows,
  );
  const patches = Math.min(most, Math.max(1, Math.round((cell * TILE_SHARE) / patchSize)));
  return { gap: cell - patches * patchSize } satisfies Partial<JigsawOptions>;
}

/** The paper's tile is 96 pixels where nine of them with gaps fill the image. */
const NEIGHBOUR_SHARE = 0.3;
/** Of a tile: what the paper lets it move. */
const JITTER_SHARE = 7 / 96;

/**
 * A tile, and the gap and jitter that nine of them have in the image.
 * @throws SitError "bad-option" where the image has no room for nine patches with a gap
 */
export function neighbourSizes({ imageSize, patchSize }: Sizes): Required<RelativePositionOptions> {
  const tile = patchSize * Math.max(1, Math.floor((imageSize * NEIGHBOUR_SHARE) / patchSize));
  // From the border of the tile in the middle to that of the image, less the neighbour's own side.
  const room = Math.floor((imageSize - tile) / 2) - tile;
  requireOption(
    room >= 1,
    optionName("patchSize"),
    `so small that nine patches with gaps fit the image, ${imageSize} pixels`,
    patchSize,
  );
  const jitter = Math.min(Math.floor(room / 2), Math.round(tile * JITTER_SHARE));
  return { patchSize: tile, gap: room - jitter, jitter };
}
