import { requireOption, SitError } from "@sitjs/core/errors";
import type { MethodName } from "../methods/names.js";
import { methodsUsing, usesSetting } from "../methods/plans.js";
import type { Kind } from "./definition.js";
import { definitions, settingNames } from "./definitions.js";
import type { Settings } from "./settings.js";

/** The name of a setting's option on the command line. */
export function optionName(setting: string): string {
  return `--${setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** What a value of this kind looks like, for messages and help. */
export function describeKind(kind: Kind): string {
  switch (kind.type) {
    case "whole":
      return `a whole number of at least ${kind.minimum}`;
    case "number":
      return kind.maximum === Number.POSITIVE_INFINITY
        ? `a number of at least ${kind.minimum}`
        : `a number from ${kind.minimum} to ${kind.maximum}`;
    case "choice":
      return `one of ${kind.choices.join(", ")}`;
  }
}

/** True where `value` is of the kind. */
function fits(kind: Kind, value: unknown): boolean {
  if (kind.type === "choice") return kind.choices.includes(value as string | number);
  if (typeof value !== "number" || !Number.isFinite(value) || value < kind.minimum) return false;
  return kind.type === "whole" ? Number.isSafeInteger(value) : value <= kind.maximum;
}

/**
 * The value an option's text stands for.
 * @throws SitError "bad-option" naming `option`
 */
export function parseValue(kind: Kind, text: string, option: string): string | number {
  const numeric = kind.type !== "choice" || typeof kind.choices[0] === "number";
  const value = numeric && text.trim() !== "" ? Number(text) : text;
  requireOption(fits(kind, value), option, describeKind(kind), text);
  return value;
}

/**
 * Refuses settings that no method of the run looks at.
 *
 * @param chosen those that were asked for
 * @throws SitError "bad-option" naming the setting and the methods
 */
export function requireUsed(
  methods: readonly MethodName[],
  chosen: Partial<Settings>,
  named: (setting: keyof Settings) => string = optionName,
): void {
  for (const [name, value] of Object.entries(chosen) as [keyof Settings, unknown][]) {
    if (value === undefined || methods.some((method) => usesSetting(method, name))) continue;
    const whose = methods.length === 1 ? `the method ${methods[0]}` : `one of ${methods.join(", ")}`;
    throw new SitError(
      "bad-option",
      `${named(name)}: expected settings that ${whose} uses, got one of ${methodsUsing(name)?.join(", ")}`,
    );
  }
}

/** What a name of `settings` may be, for messages: too many to list them. */
export const settingName = "the name of an option of sit demo --help in camel case, such as patchSize";

/**
 * Looks at each setting and at how they fit together: sizes that divide, shares in order.
 * @param named how a setting is called in messages: its option, or its name in a config file
 * @throws SitError "bad-option"
 */
export function checkSettings(
  settings: Settings,
  named: (setting: keyof Settings) => string = optionName,
): void {
  for (const name of Object.keys(settings)) {
    requireOption(Object.hasOwn(definitions, name), "settings", settingName, name);
  }
  for (const name of settingNames) {
    requireOption(
      fits(definitions[name].kind, settings[name]),
      named(name),
      describeKind(definitions[name].kind),
      settings[name],
    );
  }
  checkNetwork(settings, named);
  const { channels, statistics } = settings;
  requireOption(
    statistics === "dataset" || channels === 3,
    named("statistics"),
    "dataset for images of 1 channel",
    statistics,
  );
  checkMethod(settings, named);
}

type Named = (setting: keyof Settings) => string;

function checkNetwork(settings: Settings, named: Named): void {
  const { imageSize, patchSize, width, heads, positions } = settings;
  requireOption(
    imageSize % patchSize === 0,
    named("patchSize"),
    `a divisor of the image size ${imageSize}`,
    patchSize,
  );
  requireOption(width % heads === 0, named("heads"), `a divisor of the width ${width}`, heads);
  requireOption(
    !positions.startsWith("sincos") || width % 4 === 0,
    named("width"),
    "a multiple of 4 for sine-cosine positions",
    width,
  );
}

/** What must fit together of the settings that the method uses. */
function checkMethod(settings: Settings, named: Named): void {
  const { method, imageSize, patchSize, reconstruction, contrast } = settings;
  const uses = (name: keyof Settings) => usesSetting(method, name);
  if (uses("alignment")) {
    const { alignment, blockMinimum, blockMaximum } = settings;
    requireOption(
      imageSize % alignment === 0,
      named("alignment"),
      `a divisor of the image size ${imageSize}`,
      alignment,
    );
    requireOption(
      blockMinimum <= blockMaximum,
      named("blockMinimum"),
      `at most the largest block ${blockMaximum}`,
      blockMinimum,
    );
  }
  if (method === "sit" && reconstruction === "none" && contrast === "none") {
    throw new SitError(
      "bad-option",
      `${named("reconstruction")} and ${named("contrast")}: expected at least one of them, got none and none`,
    );
  }
  const repairs = method === "gmml" || method === "gmml-rotation";
  requireOption(
    !repairs || reconstruction !== "none",
    named("reconstruction"),
    `a loss, which ${method} learns by`,
    reconstruction,
  );
  requireOption(
    method !== "mae" || settings.positions !== "relative",
    named("positions"),
    "positions that mae can give to single patches",
    settings.positions,
  );
  requireOption(
    method !== "colorization" || settings.channels === 3,
    named("channels"),
    "3 for colorization, which predicts colours",
    settings.channels,
  );
  if (uses("decoderWidth")) {
    const { decoderWidth, decoderHeads } = settings;
    requireOption(decoderWidth % 4 === 0, named("decoderWidth"), "a multiple of 4", decoderWidth);
    requireOption(
      decoderWidth % decoderHeads === 0,
      named("decoderHeads"),
      `a divisor of the decoder's width ${decoderWidth}`,
      decoderHeads,
    );
  }
  if (uses("maskUnit")) {
    const { maskUnit } = settings;
    requireOption(
      maskUnit % patchSize === 0 && (maskUnit === 0 || imageSize % maskUnit === 0),
      named("maskUnit"),
      `a multiple of the patch ${patchSize} that divides the image size ${imageSize}`,
      maskUnit,
    );
  }
  if (uses("localSize")) {
    const { localSize, localCropScale, cropScale } = settings;
    requireOption(
      localSize % patchSize === 0,
      named("localSize"),
      `a multiple of the patch ${patchSize}`,
      localSize,
    );
    requireOption(
      localCropScale <= cropScale,
      named("localCropScale"),
      `at most the large crops' least share ${cropScale}`,
      localCropScale,
    );
  }
}
