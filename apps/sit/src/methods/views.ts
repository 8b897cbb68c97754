import { type ChannelStatistics, simclrViews, sitViews, trainView, type ViewSpec } from "@sitjs/augment";
import type { Settings } from "../settings/settings.js";

/** A grey image has no colour to lose. */
export const greyness = ({ channels }: Settings) => (channels === 1 ? { grayscale: 0 } : {});

/** Two distorted views, as SiT and MoCo v3 make them. */
export function twoViews(settings: Settings, statistics: ChannelStatistics): readonly ViewSpec[] {
  const { imageSize, views, cropScale, flip, solarize } = settings;
  return sitViews({
    size: imageSize,
    preset: views,
    scale: [cropScale, 1],
    flip,
    solarize: [0, solarize],
    ...greyness(settings),
    ...statistics,
  });
}

/** One view, cropped and flipped. */
export function oneView(settings: Settings, statistics: ChannelStatistics): readonly ViewSpec[] {
  const { imageSize, cropScale, flip } = settings;
  return trainView({ size: imageSize, scale: [cropScale, 1], flip, ...statistics });
}

/** Two views that are made alike, as SimCLR makes them. */
export function alikeViews(settings: Settings, statistics: ChannelStatistics): readonly ViewSpec[] {
  const { imageSize, views, cropScale, flip } = settings;
  const scale = [cropScale, 1] as const;
  return simclrViews({ size: imageSize, preset: views, scale, flip, ...greyness(settings), ...statistics });
}
