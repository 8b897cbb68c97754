import type { ViewSpec } from "@sitjs/augment";
import type { Backbone, Corruption } from "@sitjs/core";
import type { SitOptions } from "@sitjs/train";
import type { Settings } from "./settings/definitions.js";
import type { PresetName } from "./settings/presets.js";

/** Parts that replace those the settings would make. */
export interface Parts {
  /** Default: `visionTransformer` by the settings. */
  readonly backbone?: Backbone;
  /** Default: `gmml` by the settings. */
  readonly corruption?: Corruption;
  /** Default: `reconstructionHead` with a masked loss; null leaves reconstruction out. */
  readonly reconstruction?: SitOptions["reconstruction"] | null;
  /** Default: `projectionHead` with `crossViewNtXent`; null leaves contrast out. */
  readonly contrast?: SitOptions["contrast"] | null;
  /** Two views of each image; default: `sitViews` by the settings. */
  readonly views?: readonly ViewSpec[];
}

/** What a config file exports as its default. Options on the command line go before it, it goes before the preset. */
export interface Config {
  readonly preset?: PresetName;
  /** `fashion-mnist`, `cifar-10` or a folder, relative to where the command is run. */
  readonly data?: string;
  readonly out?: string;
  readonly seed?: number;
  readonly workers?: number;
  readonly engine?: "auto" | "tfjs-node-gpu" | "tfjs-node" | "wasm" | "cpu";
  readonly settings?: Partial<Settings>;
  /** Parts, or a function that makes them for the run's settings and its data's statistics. */
  readonly parts?: Parts | ((context: PartsContext) => Parts | Promise<Parts>);
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
