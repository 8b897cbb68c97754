// The libraries that our ONNX files are held against. They weigh 470 MB and nothing but tests needs them, so they are no
// dependencies of any package: `npm test` installs this folder's lock file into this folder.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** A tensor of onnxruntime or of transformers.js. */
export interface ForeignTensor {
  readonly data: ArrayLike<number>;
  readonly dims: readonly number[];
}

/** What tests use of onnxruntime-node. */
export interface OnnxRuntime {
  readonly InferenceSession: {
    create(
      file: Uint8Array,
    ): Promise<{ run(inputs: Record<string, ForeignTensor>): Promise<Record<string, ForeignTensor>> }>;
  };
  readonly Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => ForeignTensor;
}

/** What tests use of transformers.js. */
export interface Transformers {
  readonly env: { allowRemoteModels: boolean; localModelPath: string };
  readonly AutoProcessor: {
    from_pretrained(folder: string): Promise<(image: object) => Promise<{ pixel_values: ForeignTensor }>>;
  };
  readonly AutoModelForImageClassification: {
    from_pretrained(folder: string): Promise<(inputs: object) => Promise<{ logits: ForeignTensor }>>;
  };
  readonly RawImage: {
    new (data: Uint8ClampedArray, width: number, height: number, channels: number): object;
    read(file: string): Promise<object>;
  };
  pipeline(
    task: "image-classification",
    folder: string,
  ): Promise<(file: string, options?: { top_k: number }) => Promise<{ label: string; score: number }[]>>;
  pipeline(
    task: "image-feature-extraction",
    folder: string,
  ): Promise<(file: string, options?: { pool: boolean }) => Promise<ForeignTensor>>;
}

/** A library that may not be here: `describe.skipIf(!installed)`. */
export interface Interop<T> {
  readonly installed: boolean;
  /** Without anything in it where it is not installed. */
  readonly library: T;
}

/** onnxruntime for Node, where it is installed; otherwise says so, and in CI throws. */
export const loadOnnxRuntime = (): Interop<OnnxRuntime> =>
  load("onnxruntime-node", () => require("onnxruntime-node"));

/** transformers.js for Node, where it is installed; otherwise says so, and in CI throws. */
export const loadTransformers = (): Interop<Transformers> =>
  load("@huggingface/transformers", () => require("@huggingface/transformers"));

function load<T>(name: string, library: () => T): Interop<T> {
  try {
    require.resolve(name);
  } catch {
    const line = `${name}: not installed (npm ci --ignore-scripts in interop/)`;
    if (process.env.CI) throw new Error(line);
    console.warn(`${line}; tests that need it are skipped`);
    return { installed: false, library: {} as T };
  }
  return { installed: true, library: library() };
}
