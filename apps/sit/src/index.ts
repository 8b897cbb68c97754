export { type Config, defineConfig, type Parts, type PartsContext } from "./config.js";
export type { CorruptionKind, Settings } from "./settings/definitions.js";
export { type PresetName, presets } from "./settings/presets.js";
