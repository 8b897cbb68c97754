import { requireOption, SitError } from "@sitjs/core/errors";
import type { Config } from "../config.js";
import type { CheckpointSettings } from "../experiment/checkpoint.js";
import { type MethodName, methodNames } from "../methods/names.js";
import { usesSetting } from "../methods/plans.js";
import { checkSettings, describeKind, optionName, requireUsed, settingName } from "../settings/check.js";
import { definitions } from "../settings/definitions.js";
import { type PresetName, presetFor, presetNames, presets } from "../settings/presets.js";
import { defaultData, isReady, type ReadyDataName, readyData, readyNames } from "../settings/ready-data.js";
import { recipes } from "../settings/recipes.js";
import type { Settings } from "../settings/settings.js";
import { loadConfig } from "./config-file.js";
import { engineChoices, type SettingScope, settingsOf } from "./options.js";

/** Options as commander gives them. */
export type ParsedOptions = Readonly<Record<string, unknown>>;

export type EngineChoice = (typeof engineChoices)[number];

/** A run's choices, after options, config file and preset have been laid over each other. */
export interface Resolved {
  readonly preset: PresetName;
  /** False where the preset follows from the data. */
  readonly presetChosen: boolean;
  readonly data: string;
  readonly out: string;
  readonly seed: number;
  readonly workers: number | undefined;
  readonly engine: EngineChoice;
  readonly settings: Settings;
  /** What they are with another method or preset, with the same overrides as far as the method uses them. */
  settingsFor(method: MethodName, preset?: PresetName): Settings;
  readonly config: Config;
  /** Where it is from, as it was named. */
  readonly configFile: string | undefined;
}

export interface ResolveOptions {
  readonly defaultOut: string;
  /** Of a folder of images; default "paper-small". */
  readonly defaultPreset?: PresetName;
  /** Of the data sets that have one; default `readyData`. */
  readonly readyPresets?: Readonly<Record<ReadyDataName, PresetName>>;
  /** Where several methods are run: an option is for those of them that use it. The first one's are the `settings`. */
  readonly methods?: readonly MethodName[];
  readonly scope: SettingScope;
  /** Settings of a checkpoint, which go before those of a preset that was not asked for. */
  readonly checkpoint?: Settings | undefined;
  /** In the place of a config file; its checks are those of one. */
  readonly config?: Config;
  /** The run that goes on: everything that is not asked for now is as it was. */
  readonly resumed?: CheckpointSettings | undefined;
}

/**
 * Options go before the config file, that goes before the preset.
 * @throws SitError "bad-option" naming the option or the config file's key
 */
export async function resolveRun(options: ParsedOptions, how: ResolveOptions): Promise<Resolved> {
  const { flag = optionName } = how.scope;
  const { resumed } = how;
  const config = how.config ?? (await configOf(options, resumed));
  if (how.config !== undefined) checkConfig(how.config);
  const data = (options.data as string | undefined) ?? config.data ?? resumed?.data.source ?? defaultData;
  const chosen = (options.preset as PresetName | undefined) ?? config.preset;
  const ready = how.readyPresets ?? readyData;
  const usual = isReady(data) ? ready[data] : (how.defaultPreset ?? "paper-small");
  const preset = chosen ?? (resumed?.preset as PresetName | undefined) ?? usual;
  const fromOptions = settingsOf(options, how.scope);
  const overrides: Partial<Settings> = { ...config.settings, ...fromOptions };
  const inConfig = (name: keyof Settings) => config.settings?.[name] !== undefined && !(name in fromOptions);
  const named = (name: keyof Settings) => (inConfig(name) ? `config settings.${name}` : flag(name));
  // Epochs that were asked for go before the preset's steps.
  if (overrides.finetuneEpochs !== undefined) overrides.finetuneSteps ??= 0;
  // What a classifier sees unless told goes with its kind.
  if (overrides.classifier !== undefined)
    overrides.pool ??= overrides.classifier === "linear" ? "token" : "token+mean";
  const earlier = resumed?.settings ?? how.checkpoint;
  const kept = chosen === undefined && earlier ? earlier : undefined;
  const settingsFor = (method: MethodName, as: PresetName = preset): Settings => {
    const own = Object.entries(overrides).filter(([name]) => usesSetting(method, name as keyof Settings));
    const settings = {
      ...(kept ?? presetFor(as, method)),
      ...recipeOf(overrides, resumed),
      ...Object.fromEntries(own),
    };
    checkSettings(settings, named);
    return settings;
  };
  const methods = how.methods ?? [methodOf(overrides, kept ?? presets[preset], named)];
  requireNoMethod(how, overrides, named);
  requireUsed(methods, overrides, named);
  return {
    preset,
    presetChosen: chosen !== undefined,
    data,
    out: outOf(options, config, how.defaultOut),
    seed: (options.seed as number | undefined) ?? config.seed ?? resumed?.seed ?? 0,
    workers: (options.workers as number | undefined) ?? config.workers ?? resumed?.workers,
    engine:
      (options.engine as EngineChoice | undefined) ??
      config.engine ??
      (resumed?.engine as EngineChoice | undefined) ??
      "auto",
    settings: settingsFor(methods[0] as MethodName),
    settingsFor,
    config,
    configFile: (options.config as string | undefined) ?? resumed?.config,
  };
}

/** The values of a recipe that is asked for; none where a run goes on with it, which may have had others beside it. */
function recipeOf(
  { finetuneRecipe: asked }: Partial<Settings>,
  resumed: CheckpointSettings | undefined,
): Partial<Settings> {
  return asked === undefined || asked === resumed?.settings.finetuneRecipe ? {} : { ...recipes[asked] };
}

/** The method that is asked for, or that of the settings which those that are asked for are laid over. */
function methodOf(
  { method }: Partial<Settings>,
  base: Settings,
  named: (setting: keyof Settings) => string,
): MethodName {
  if (method === undefined) return base.method;
  requireOption(methodNames.includes(method), named("method"), `one of ${methodNames.join(", ")}`, method);
  return method;
}

/** Where several methods are run, a config file has no say in which. */
function requireNoMethod(
  { methods }: ResolveOptions,
  { method }: Partial<Settings>,
  named: (setting: keyof Settings) => string,
): void {
  requireOption(
    methods === undefined || method === undefined,
    named("method"),
    "none beside several methods",
    method,
  );
}

/** The folder of the run that these options mean, wherever it is named. */
export async function runFolderOf(options: ParsedOptions, defaultOut: string): Promise<string> {
  return outOf(options, await configOf(options, undefined), defaultOut);
}

function outOf(options: ParsedOptions, config: Config, defaultOut: string): string {
  return (options.out as string | undefined) ?? config.out ?? defaultOut;
}

/**
 * The config file that is asked for, checked. Of the one that a run began with only the parts are taken: all that it has
 * set besides is known of the run.
 */
async function configOf(options: ParsedOptions, resumed: CheckpointSettings | undefined): Promise<Config> {
  const file = (options.config as string | undefined) ?? resumed?.config;
  if (file === undefined) return {};
  const config = await loadConfig(file);
  checkConfig(config);
  return options.config === undefined ? { parts: config.parts } : config;
}

function checkConfig(config: Config): void {
  const { preset, seed, workers, engine, settings, data, out, parts } = config;
  const text = (value: unknown) => value === undefined || typeof value === "string";
  const count = (value: unknown) =>
    value === undefined || (Number.isSafeInteger(value) && (value as number) >= 0);
  requireOption(
    preset === undefined || presetNames.includes(preset),
    "config preset",
    `one of ${presetNames.join(", ")}`,
    preset,
  );
  requireOption(
    engine === undefined || engineChoices.includes(engine),
    "config engine",
    `one of ${engineChoices.join(", ")}`,
    engine,
  );
  requireOption(count(seed), "config seed", describeKind({ type: "whole", minimum: 0 }), seed);
  requireOption(count(workers), "config workers", describeKind({ type: "whole", minimum: 0 }), workers);
  requireOption(text(data), "config data", `a path, ${readyNames}`, data);
  requireOption(text(out), "config out", "a path", out);
  requireOption(settings === undefined || isObject(settings), "config settings", "an object", settings);
  const made = parts === undefined || isObject(parts) || typeof parts === "function";
  requireOption(made, "config parts", "an object, or a function that makes one", parts);
  for (const name of Object.keys(settings ?? {})) {
    if (!Object.hasOwn(definitions, name)) {
      throw new SitError("bad-option", `config settings: expected ${settingName}, got ${name}`);
    }
  }
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
