import { type Backbone, SitError } from "@sitjs/core";
import type { Method } from "@sitjs/train";
import { type VisionTransformerOptions, visionTransformer } from "@sitjs/vit";
import type { MethodContext, Parts } from "../config.js";
import { methodMakers } from "../methods/makers.js";
import { methodPlans } from "../methods/plans.js";
import type { Settings } from "../settings/settings.js";

/** The network of the settings, or the one a config file has put in its place. */
export function makeBackbone(settings: Settings, parts: Parts): Backbone {
  return parts.backbone ?? visionTransformer(backboneOptions(settings));
}

/** What the settings say of the network. */
export function backboneOptions(settings: Settings): VisionTransformerOptions {
  const { imageSize, patchSize, channels, width, depth, heads, mlpRatio, layerNormEpsilon, dropPath } =
    settings;
  const { positions, initialization, layerScale } = settings;
  const relative = positions === "relative";
  return {
    imageSize,
    patchSize,
    channels,
    width,
    depth,
    heads,
    mlpRatio,
    layerNormEpsilon,
    dropPath,
    positions: relative ? "none" : positions,
    relativePositions: relative,
    // Relative positions came with BEiT's queries, keys and values, of which keys have no bias.
    qkvBias: relative ? "query-value" : true,
    layerScale: layerScale > 0 ? layerScale : undefined,
    initialization,
  };
}

/** The same network with the drop path of fine-tuning. */
export function makeTunedBackbone(settings: Settings, parts: Parts): Backbone {
  return makeBackbone({ ...settings, dropPath: settings.finetuneDropPath }, parts);
}

/**
 * The whole method of the settings, or the one a config file has put in its place.
 * @throws SitError "bad-option" for a config file's method that has another number of views than there are
 */
export function makeMethod(context: MethodContext, parts: Parts): Method {
  const { settings, statistics } = context;
  const maker = methodMakers[settings.method];
  const method = parts.method?.(context) ?? maker.make({ ...context, parts });
  const { length } = parts.views ?? maker.views(settings, statistics);
  if (length !== method.views) {
    const option = parts.views === undefined ? "config parts.method" : "config parts.views";
    throw new SitError(
      "bad-option",
      `${option}: expected as many views as the method ${method.name} wants, ${method.views}, got ${length}`,
    );
  }
  return method;
}

/** What reports call a method, and how they say what it does. */
export interface MethodTexts {
  readonly title: string;
  readonly summary: string | undefined;
}

/** @param parts in which a config file may have put another method in the place of the setting's */
export function methodTexts({ method }: Settings, parts: Parts, made: Method): MethodTexts {
  return parts.method === undefined ? methodPlans[method] : { title: made.name, summary: undefined };
}
