import { SitError } from "@sitjs/core/errors";
import * as tf from "@tensorflow/tfjs";

/** list: an int, the number of tensors in a list of inputs. */
type AttributeKind = "int" | "float" | "bool" | "list";

interface KernelPlan {
  /** Inputs that are in no list. */
  readonly inputs: number;
  /** Attributes that the caller gives, by name. */
  readonly attributes?: Readonly<Record<string, AttributeKind>>;
  /** The attribute that counts the tensors of the only kind of list, which comes in `lists` of them (default 1). */
  readonly count?: { readonly name: string; readonly lists?: number };
  /** For lists of `count` tensors. */
  outputs(count: number): number;
}

/** Every fused operation of `kernels/ops`: inputs go in the order they are given in. */
const plans: Readonly<Record<string, KernelPlan>> = {
  SitLayerNorm: { inputs: 3, attributes: { epsilon: "float" }, outputs: () => 3 },
  SitLayerNormGrad: { inputs: 5, outputs: () => 3 },
  SitGelu: { inputs: 1, outputs: () => 1 },
  SitGeluGrad: { inputs: 2, outputs: () => 1 },
  SitLinear: {
    inputs: 2,
    attributes: {
      biases: "list",
      ontos: "list",
      scales: "list",
      gelu: "bool",
      keep: "bool",
      reduced: "bool",
    },
    outputs: () => 3,
  },
  SitLinearGrad: {
    inputs: 2,
    attributes: { xs: "list", roundeds: "list", befores: "list", scales: "list" },
    outputs: () => 3,
  },
  SitPerceptron: {
    inputs: 5,
    attributes: { ontos: "list", scales: "list", keep: "bool", reduced: "bool" },
    outputs: () => 4,
  },
  SitPerceptronGrad: {
    inputs: 3,
    attributes: { exacts: "list", roundeds: "list", scales: "list" },
    outputs: () => 5,
  },
  SitAttention: {
    inputs: 1,
    attributes: { heads: "int", keep: "bool", reduced: "bool" },
    outputs: () => 2,
  },
  SitAttentionGrad: {
    inputs: 1,
    attributes: { qkvs: "list", roundeds: "list", heads: "int" },
    outputs: () => 1,
  },
  SitNorms: { inputs: 0, count: { name: "count" }, outputs: () => 1 },
  SitAdamW: {
    inputs: 7,
    attributes: { overwrite: "bool" },
    count: { name: "count", lists: 2 },
    outputs: (count) => count + 2,
  },
  SitMomentum: {
    inputs: 1,
    attributes: { overwrite: "bool" },
    count: { name: "count", lists: 2 },
    outputs: (count) => count,
  },
  SitHolders: { inputs: 0, attributes: { one: "int" }, count: { name: "count" }, outputs: () => 1 },
  SitAddTo: { inputs: 2, outputs: () => 1 },
  SitResidual: { inputs: 3, outputs: () => 1 },
  SitScaleSamples: { inputs: 2, outputs: () => 1 },
  SitPatchify: { inputs: 1, attributes: { patch: "int" }, outputs: () => 1 },
  SitUnpatchify: { inputs: 1, attributes: { rows: "int", columns: "int", patch: "int" }, outputs: () => 1 },
  SitMaskedError: {
    inputs: 2,
    attributes: { squared: "bool" },
    count: { name: "mask_count" },
    outputs: () => 2,
  },
  SitMaskedErrorGrad: {
    inputs: 4,
    attributes: { squared: "bool" },
    count: { name: "mask_count" },
    outputs: () => 1,
  },
  SitBatchStatistics: { inputs: 1, outputs: () => 2 },
  SitBatchNorm: {
    inputs: 3,
    attributes: { epsilon: "float" },
    count: { name: "affine_count" },
    outputs: () => 1,
  },
  SitBatchNormGrad: {
    inputs: 4,
    attributes: { epsilon: "float" },
    count: { name: "affine_count" },
    outputs: () => 3,
  },
  SitRandom: { inputs: 2, attributes: { normal: "bool" }, outputs: () => 1 },
};

export const kernelNames: readonly string[] = Object.keys(plans);

interface OperationAttribute {
  name: string;
  type: number;
  value: number | boolean;
}

/** What this package uses of tfjs-node's backend. */
interface NodeBackend {
  readonly binding: Readonly<Record<"TF_ATTR_INT" | "TF_ATTR_FLOAT" | "TF_ATTR_BOOL", number>>;
  executeMultipleOutputs(
    name: string,
    attributes: OperationAttribute[],
    inputs: tf.TensorInfo[],
    outputs: number,
  ): tf.Tensor[];
}

/** Makes the fused operations of a loaded addon kernels of tfjs's "tensorflow" backend. */
export function registerKernels(): void {
  for (const [kernelName, plan] of Object.entries(plans)) {
    if (tf.getKernel(kernelName, "tensorflow") != null) continue;
    tf.registerKernel({
      kernelName,
      backendName: "tensorflow",
      kernelFunc: ({ inputs, attrs, backend }) =>
        execute(
          backend as unknown as NodeBackend,
          kernelName,
          plan,
          Object.values(inputs as Readonly<Record<string, tf.TensorInfo>>),
          (attrs ?? {}) as Readonly<Record<string, unknown>>,
        ),
    });
  }
}

export function unregisterKernels(): void {
  for (const kernelName of kernelNames) {
    if (tf.getKernel(kernelName, "tensorflow") != null) tf.unregisterKernel(kernelName, "tensorflow");
  }
}

function execute(
  backend: NodeBackend,
  name: string,
  plan: KernelPlan,
  inputs: tf.TensorInfo[],
  attrs: Readonly<Record<string, unknown>>,
): tf.Tensor[] {
  const { TF_ATTR_INT, TF_ATTR_FLOAT, TF_ATTR_BOOL } = backend.binding;
  const types = { int: TF_ATTR_INT, list: TF_ATTR_INT, float: TF_ATTR_FLOAT, bool: TF_ATTR_BOOL };
  const attributes: OperationAttribute[] = [];
  let expected = plan.inputs;
  for (const [attribute, kind] of Object.entries(plan.attributes ?? {})) {
    const value = attrs[attribute];
    if (!isOfKind(value, kind)) {
      throw new SitError(
        "bad-option",
        `${name}: expected ${attribute}, ${inWords[kind]}, got ${String(value)}`,
      );
    }
    if (kind === "list") expected += value as number;
    attributes.push({ name: attribute, type: types[kind], value });
  }
  let count = 0;
  if (plan.count !== undefined) {
    count = Math.max(0, Math.floor((inputs.length - plan.inputs) / (plan.count.lists ?? 1)));
    expected += count * (plan.count.lists ?? 1);
    attributes.push({ name: plan.count.name, type: TF_ATTR_INT, value: count });
  }
  // TensorFlow makes lists of the length that it is told before it compares that with what is there.
  if (inputs.length !== expected) {
    throw new SitError("bad-shape", `${name}: expected ${expected} inputs, got ${inputs.length}`);
  }
  try {
    return backend.executeMultipleOutputs(name, attributes, inputs, plan.outputs(count));
  } catch (error) {
    throw refusal(name, error);
  }
}

const inWords: Readonly<Record<AttributeKind, string>> = {
  int: "a whole number",
  list: "a number of inputs",
  float: "a number",
  bool: "true or false",
};

function isOfKind(value: unknown, kind: AttributeKind): value is number | boolean {
  if (kind === "bool") return typeof value === "boolean";
  if (kind === "float") return typeof value === "number";
  return Number.isSafeInteger(value) && (kind === "int" || (value as number) >= 0);
}

/** TensorFlow's refusal by the kernel's name: it comes as "Invalid TF_Status: <number>" and, below, a message. */
function refusal(name: string, error: unknown): SitError {
  const whole = error instanceof Error ? error.message : String(error);
  const message = whole.replace(/^Invalid TF_Status: \d+\s*(Message: )?/, "");
  const named = message.startsWith(`${name}: `) ? message : `${name}: ${message}`;
  return new SitError("bad-shape", named, { cause: error });
}
