export { packagedSystems } from "../recipe.js";
export { platformPackageName, verifyPlatformPackage } from "./find.js";
export { type PlatformManifest, platformManifestName, readPlatformManifest } from "./manifest.js";
export {
  type WritePlatformPackageOptions,
  type WrittenPlatformPackage,
  writePlatformPackage,
} from "./write.js";
