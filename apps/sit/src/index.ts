export {
  type Ablation,
  type AblationAxis,
  type AblationFinding,
  type AblationVariant,
  defineAblation,
} from "./ablation/definition.js";
export { type Config, defineConfig, type MethodContext, type Parts, type PartsContext } from "./config.js";
export type { MethodName } from "./methods/names.js";
export { type PresetName, presets } from "./settings/presets.js";
export type { CorruptionKind, Settings } from "./settings/settings.js";
