import { requireOption, SitError } from "@sitjs/core/errors";
import { definitions, type Kind, type Settings, settingNames } from "./definitions.js";

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
 * Looks at each setting and at how they fit together: sizes that divide, shares in order.
 * @param named how a setting is called in messages: its option, or its name in a config file
 * @throws SitError "bad-option"
 */
export function checkSettings(
  settings: Settings,
  named: (setting: keyof Settings) => string = optionName,
): void {
  for (const name of Object.keys(settings)) {
    requireOption(
      Object.hasOwn(definitions, name),
      "settings",
      `names among ${settingNames.join(", ")}`,
      name,
    );
  }
  for (const name of settingNames) {
    requireOption(
      fits(definitions[name].kind, settings[name]),
      named(name),
      describeKind(definitions[name].kind),
      settings[name],
    );
  }
  const { imageSize, patchSize, width, heads, blockMinimum, blockMaximum, alignment } = settings;
  requireOption(
    imageSize % patchSize === 0,
    named("patchSize"),
    `a divisor of the image size ${imageSize}`,
    patchSize,
  );
  requireOption(width % heads === 0, named("heads"), `a divisor of the width ${width}`, heads);
  requireOption(
    settings.positions === "learned" || width % 4 === 0,
    named("width"),
    "a multiple of 4 for sine-cosine positions",
    width,
  );
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
  requireOption(
    settings.statistics === "dataset" || settings.channels === 3,
    named("statistics"),
    "dataset for images of 1 channel",
    settings.statistics,
  );
  if (settings.reconstruction === "none" && settings.contrast === "none") {
    throw new SitError(
      "bad-option",
      `${named("reconstruction")} and ${named("contrast")}: expected at least one of them, got none and none`,
    );
  }
}
