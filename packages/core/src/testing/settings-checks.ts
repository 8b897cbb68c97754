import type { PartSettings } from "../module.js";
import { type Check, type CheckBodies, checksOf } from "./check.js";

/** What the checks of settings use of a part. */
export interface TestedPart {
  readonly name: string;
  readonly settings?: PartSettings;
}

export interface SettingsCheckOptions<Part> {
  /**
   * The part with one option changed, by the option's name: its settings must be others. Without it settings may be left
   * out, and are looked at where they are not.
   */
  readonly others?: Readonly<Record<string, () => Part | Promise<Part>>>;
}

/** What is asked of the settings of every part; suites for the kinds of parts ask it too. `make` is called for each check. */
export function settingsChecks<Part extends TestedPart>(
  make: () => Part | Promise<Part>,
  options: SettingsCheckOptions<Part> = {},
): Check[] {
  return checksOf(make, settingsBodies(make, options));
}

/** The same, for suites that ask more. */
export function settingsBodies<Part extends TestedPart>(
  make: () => Part | Promise<Part>,
  { others = {} }: SettingsCheckOptions<Part>,
): CheckBodies<Part> {
  return {
    async "says the same settings for the same options, as plain JSON"(part, ensure) {
      const { settings } = part;
      const wanted = Object.keys(others).length > 0;
      ensure(!wanted || settings !== undefined, "settings", settings);
      if (settings === undefined) return;
      const strange = notPlain(settings);
      ensure(strange === undefined, "plain JSON in its settings", strange);
      const [one, other] = [part, await make()].map((each) => JSON.stringify(each.settings));
      ensure(one === other, `settings ${one} again`, other);
    },

    async "says other settings where an option differs, by the same names"(part, ensure) {
      const own = JSON.stringify(part.settings);
      const names = (of: TestedPart) => Object.keys(of.settings ?? {}).sort();
      for (const [option, makeOther] of Object.entries(others)) {
        const other = await makeOther();
        ensure(JSON.stringify(other.settings) !== own, `other settings for another ${option}`, own);
        const [before, after] = [names(part).join(", "), names(other).join(", ")];
        ensure(before === after, `settings named ${before} for another ${option}`, after);
      }
    },
  };
}

/** The path of the first value that JSON does not give back as it is; undefined where there is none. */
function notPlain(value: unknown, path = "settings"): string | undefined {
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined;
  if (typeof value === "number") return Number.isFinite(value) ? undefined : `${value} as ${path}`;
  if (typeof value !== "object") return `${typeof value} as ${path}`;
  const prototype = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) {
    return `${prototype.constructor?.name} as ${path}`;
  }
  for (const [name, inner] of Object.entries(value)) {
    const found = notPlain(inner, `${path}.${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}
