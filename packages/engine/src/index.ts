export { type InstallOptions, installEngine } from "./install.js";
export type {
  Engine,
  EngineName,
  InstalledEngine,
  InstallMethod,
  InstallProgress,
  Variant,
} from "./types.js";
