import type { ChannelStatistics } from "@sitjs/augment";
import { SitError } from "@sitjs/core/errors";
import { type Engine, type EngineName, useEngine } from "@sitjs/engine";
import type { Config, Parts } from "../config.js";
import { methodPlans } from "../methods/plans.js";
import type { Settings } from "../settings/settings.js";
import type { Reporter } from "./reporter.js";

/**
 * Starts the engine and says once what it is. Input has been checked by now, so this is where a run begins to speak.
 * @param note what to say of the data
 */
export async function startEngine(
  prefer: "auto" | EngineName,
  report: Reporter,
  note?: string,
): Promise<Engine> {
  if (note !== undefined) report({ event: "note", text: note });
  let said = false;
  const engine = await useEngine({
    prefer,
    onNotice(text) {
      said = true;
      report({ event: "note", text });
    },
  });
  if (!said) report({ event: "note", text: engine.note });
  return engine;
}

const partNames = ["backbone", "corruption", "reconstruction", "contrast", "views", "method"] as const;

/**
 * The parts of a config file, made for these settings.
 * @throws SitError "bad-option" for a part of another name or that the method has none of, or a backbone of other
 *   channels
 */
export async function makeParts(
  config: Config,
  settings: Settings,
  statistics: ChannelStatistics,
): Promise<Parts> {
  const { parts = {} } = config;
  const made = typeof parts === "function" ? await parts({ settings, ...statistics }) : parts;
  if (typeof made !== "object" || made === null) {
    throw new SitError("bad-option", `config parts: expected a function that makes an object, got ${made}`);
  }
  const unknown = Object.keys(made).find((name) => !(partNames as readonly string[]).includes(name));
  if (unknown !== undefined) {
    throw new SitError(
      "bad-option",
      `config parts: expected parts among ${partNames.join(", ")}, got ${unknown}`,
    );
  }
  requireMethodParts(made, settings);
  const { backbone } = made;
  if (backbone !== undefined) {
    if (backbone.channels !== settings.channels) {
      throw new SitError(
        "bad-option",
        `config parts.backbone: expected ${settings.channels} channels, got ${backbone.channels}`,
      );
    }
    if (settings.imageSize % backbone.patchSize !== 0) {
      throw new SitError(
        "bad-option",
        `config parts.backbone: expected a patch that divides the image size ${settings.imageSize}, got ${backbone.patchSize}`,
      );
    }
  }
  return made;
}

/** Refuses a corruption, say, for a method that corrupts nothing: it would be left out without a word. */
function requireMethodParts(parts: Parts, { method }: Settings): void {
  const taken: readonly string[] = ["backbone", "views", "method", ...methodPlans[method].parts];
  const lost = customParts(parts).find((name) => !taken.includes(name) || isOwnMethod(parts, name));
  if (lost === undefined) return;
  const whose = parts.method === undefined ? `the method ${method}` : "a config file's own method";
  throw new SitError(
    "bad-option",
    `config parts.${lost}: expected a part that ${whose} takes, got one it has none of`,
  );
}

const isOwnMethod = (parts: Parts, name: string) =>
  parts.method !== undefined && !["backbone", "views", "method"].includes(name);

/** The names of the parts that were put in. */
export function customParts(parts: Parts): string[] {
  return partNames.filter((name) => parts[name] !== undefined);
}
