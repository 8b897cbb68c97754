import type { ChannelStatistics, ViewSpec } from "@sitjs/augment";
import type { Backbone, Corruption } from "@sitjs/core";
import type { Method, SitOptions } from "@sitjs/train";
import type { PresetName } from "./settings/presets.js";
import type { Settings } from "./settings/settings.js";

/** Parts that replace those the settings would make. */
export interface Parts {
  /** Default: `visionTransformer` by the settings. */
  readonly backbone?: Backbone;
  /** Default: `gmml` by the settings. */
  readonly corruption?: Corruption;
  /** A loss, a head or both in the place of the settings'; null leaves reconstruction out. */
  readonly reconstruction?: Partial<NonNullable<SitOptions["reconstruction"]>> | null;
  /** A loss, a head or both in the place of the settings'; null leaves contrast out. */
  readonly contrast?: Partial<NonNullable<SitOptions["contrast"]>> | null;
  /** As many views of each image as the method wants; default: those of the method by the settings. */
  readonly views?: readonly ViewSpec[];
  /** Another method in the place of the one that the setting `method` names; its views may have to be given too. */
  readonly method?: (context: MethodContext) => Method;
}

/** What a config file exports as its default. Options on the command line go before it, it goes before the preset. */
export interface Config {
  readonly preset?: PresetName;
  /** A name of `sit data list`, or a folder, relative to where the command is run. */
  readonly data?: string;
  readonly out?: string;
  readonly seed?: number;
  readonly workers?: number;
  readonly engine?: "auto" | "tfjs-node-gpu" | "tfjs-node" | "wasm" | "cpu";
  readonly settings?: Partial<Settings>;
  /** Parts, or a function that makes them for the run's settings and its data's statistics. */
  readonly parts?: Parts | ((context: PartsContext) => Parts | Promise<Parts>);
}

/** What a method may need to know. */
export interface MethodContext {
  readonly settings: Readonly<Settings>;
  readonly backbone: Backbone;
  /** Of the pixels, which views normalise with. */
  readonly statistics: ChannelStatistics;
  /** How many images it is to learn from. */
  readonly images: number;
}

/** What parts may need to know. */
export interface PartsContext {
  readonly settings: Readonly<Settings>;
  /** Of each channel, of values scaled to 0..1: what views normalise with. */
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** Gives a config file its types: `export default defineConfig({ … })`. */
export function defineConfig(config: Config): Config {
  return config;
}
