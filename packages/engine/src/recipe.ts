import { SitError } from "@sitjs/core/errors";
import type { InstallMethod, Variant } from "./types.js";

/** Raised whenever what an install makes changes, so that an old cache is not taken for a new one. */
const recipeNumber = 2;

export const tfjsNodeVersion = "4.22.0";
export const tensorflowVersion = "2.21.0";
/** What the official prebuilt of tfjs-node 4.22.0 brings. */
const officialTensorflowVersion = "2.9.1";

export interface NpmPackage {
  name: string;
  version: string;
  /** Subresource integrity as npm writes it. */
  integrity: string;
}

export interface Wheel {
  project: string;
  version: string;
  file: string;
  /** The one platform tag pip is asked for. */
  platformTag: string;
  /** Pinned digest; undefined where this project has not seen the file itself. */
  sha256?: string;
  libraries: string[];
}

/** What an install is made of: everything a person would have to know to repeat it. */
export interface Recipe {
  key: string;
  method: InstallMethod;
  variant: Variant;
  platform: string;
  arch: string;
  tensorflow: string;
  package: NpmPackage;
  /** Not where `method` is `official`. */
  wheel?: Wheel;
  /** Free bytes wanted before starting: the download, what is unpacked, and a tenth. */
  diskBytes: number;
}

const packages: Record<Variant, NpmPackage> = {
  cpu: {
    name: "@tensorflow/tfjs-node",
    version: tfjsNodeVersion,
    integrity:
      "sha512-uHrXeUlfgkMxTZqHkESSV7zSdKdV0LlsBeblqkuKU9nnfxB1pC6DtoyYVaLxznzZy7WQSegjcohxxCjAf6Dc7w==",
  },
  gpu: {
    name: "@tensorflow/tfjs-node-gpu",
    version: tfjsNodeVersion,
    integrity:
      "sha512-p//NN6DGiN4hInUmIkRffaFVMcdTREUMjPyjW04J7OXvB2zBlQimj61eFKSgRrH3f5TnOfKzb0n56he/B6a4bw==",
  },
};

const linuxLibraries = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"];
const macLibraries = ["libtensorflow_cc.2.dylib", "libtensorflow_framework.2.dylib"];

function wheelOf(project: string, platformTag: string, libraries: string[], sha256?: string): Wheel {
  const version = tensorflowVersion;
  const file = `${project.replaceAll("-", "_")}-${version}-cp311-cp311-${platformTag}.whl`;
  return { project, version, file, platformTag, libraries, sha256 };
}

/** TensorFlow's official wheels by `variant-platform-arch`. */
const wheels: Record<string, Wheel> = {
  "cpu-linux-x64": wheelOf(
    "tensorflow-cpu",
    "manylinux_2_27_x86_64",
    linuxLibraries,
    "2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c",
  ),
  "cpu-linux-arm64": wheelOf("tensorflow", "manylinux_2_27_aarch64", linuxLibraries),
  "cpu-darwin-arm64": wheelOf("tensorflow", "macosx_12_0_arm64", macLibraries),
  "gpu-linux-x64": wheelOf("tensorflow", "manylinux_2_27_x86_64", linuxLibraries),
};

/** Where the official prebuilt exists. */
const officialPlatforms = new Set([
  "cpu-linux-x64",
  "cpu-darwin-x64",
  "cpu-win32-x64",
  "gpu-linux-x64",
  "gpu-win32-x64",
]);

const GB = 1e9;
/** For the processor; a platform package needs no headers. */
const diskBytes: Record<InstallMethod, number> = {
  package: 1.3 * GB,
  source: 1.6 * GB,
  official: 2 * GB,
};

export function supportsMethod(
  method: InstallMethod,
  variant: Variant,
  platform: string,
  arch: string,
): boolean {
  const system = `${variant}-${platform}-${arch}`;
  if (method === "package" && variant !== "cpu") return false;
  return method === "official" ? officialPlatforms.has(system) : system in wheels;
}

/** The systems that have a platform package: those of a build from source for the processor. */
export function packagedSystems(): { platform: string; arch: string }[] {
  return Object.keys(wheels).flatMap((system) => {
    const [variant, platform = "", arch = ""] = system.split("-");
    return variant === "cpu" ? [{ platform, arch }] : [];
  });
}

/** The pinned recipe for one machine; throws `SitError("engine-install")` where there is none. */
export function recipeFor(method: InstallMethod, variant: Variant, platform: string, arch: string): Recipe {
  const system = `${variant}-${platform}-${arch}`;
  if (!supportsMethod(method, variant, platform, arch)) {
    const made = method === "official" ? [...officialPlatforms] : Object.keys(wheels);
    throw new SitError(
      "engine-install",
      `no ${method} build of the ${variant} engine for ${platform} ${arch}: there is one for ${made.join(", ")}`,
      { mend: "The wasm engine works here as it is." },
    );
  }
  const tensorflow = method === "official" ? officialTensorflowVersion : tensorflowVersion;
  const origin = method === "source" ? "" : `-${method}`;
  return {
    key: `tfjs-${tfjsNodeVersion}-tf${tensorflow}-${variant}-${platform}-${arch}${origin}-r${recipeNumber}`,
    method,
    variant,
    platform,
    arch,
    tensorflow,
    package: packages[variant],
    wheel: method === "official" ? undefined : wheels[system],
    diskBytes: variant === "gpu" ? 12 * GB : diskBytes[method],
  };
}
