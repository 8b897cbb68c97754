export { cacheFolder } from "./cache.js";
export { type Diagnosis, diagnose, type EngineStatus, type PlatformPackageStatus } from "./diagnose.js";
export { type InstallOptions, installEngine, installedEngine } from "./install.js";
export { releaseMemory } from "./kernels/load.js";
export type { Gpu, Tool } from "./tools.js";
export type {
  Engine,
  EngineName,
  InstalledEngine,
  InstallMethod,
  InstallProgress,
  Variant,
} from "./types.js";
export { type UseEngineOptions, useEngine } from "./use-engine.js";
