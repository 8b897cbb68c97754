/** The engines, fastest first. */
export type EngineName = "tfjs-node-gpu" | "tfjs-node" | "wasm" | "cpu";

/** What `useEngine` got. */
export interface Engine {
  name: EngineName;
  /** What `tf.getBackend()` says: `tensorflow`, `wasm` or `cpu`. */
  backend: string;
  /** The processor or graphics card that computes, in words. */
  device: string;
  /** Version of the TensorFlow library behind a native engine. */
  tensorflow?: string;
  /** Threads the engine may compute on. */
  cores: number;
  /** Fused kernels that were registered. */
  kernels: string[];
  native: boolean;
  /** One plain line: what it is and what it costs. */
  note: string;
}

/** Which processor a native engine computes on. */
export type Variant = "cpu" | "gpu";

/**
 * How a native engine is made: with the compiled addons of a platform package (`@sitjs/engine-linux-x64`), compiled
 * here, or the official prebuilt.
 */
export type InstallMethod = "package" | "source" | "official";

/** A native engine in the cache: the content of its `engine.json`, with absolute paths. */
export interface InstalledEngine {
  /** Folder of this engine. */
  directory: string;
  key: string;
  method: InstallMethod;
  variant: Variant;
  /** Version of `@tensorflow/tfjs-node`. */
  tfjs: string;
  /** Version of TensorFlow. */
  tensorflow: string;
  /** The unpacked `@tensorflow/tfjs-node(-gpu)`. */
  packageDirectory: string;
  /** The compiled addon. */
  binding: string;
  /** Folder of TensorFlow's libraries, and their file names: what a fused kernel links with. */
  libraryDirectory: string;
  libraries: string[];
  /** TensorFlow's headers, whole, for compiling fused kernels; only in an engine built here. */
  includeDirectory?: string;
  /** A small addon that loads TensorFlow's framework without its greeting; not in an official prebuilt. */
  quietLoader?: string;
  /** The compiler that made the addon. */
  compiler?: string;
  /** Name and version of the platform package that the addon is from, where it is. */
  platformPackage?: string;
  /** Whether the wheel was checked against a hash pinned in this package, or only the index's own. */
  pinned: boolean;
}

export interface InstallProgress {
  stage:
    | "lock"
    | "disk"
    | "package"
    | "wheel"
    | "unpack"
    | "addons"
    | "compile"
    | "official"
    | "check"
    | "kernels"
    | "done";
  detail?: string;
  /** 0 to 1 within the stage, where it is known. */
  fraction?: number;
}
