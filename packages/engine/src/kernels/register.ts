import { SitError } from "@sitjs/core/errors";
import * as tf from "@tensorflow/tfjs";

type AttributeKind = "int" | "float" | "bool";

interface KernelPlan {
  /** Attributes that the caller gives, by name. */
  readonly attributes?: Readonly<Record<string, AttributeKind>>;
  /** The attribute that counts the tensors of a list, from the number of inputs. */
  readonly count?: { readonly name: string; of(inputs: number): number };
  outputs(inputs: number): number;
}

/** Every fused operation of `kernels/ops`: inputs go in the order they are given in. */
const plans: Readonly<Record<string, KernelPlan>> = {
  SitLayerNorm: { attributes: { epsilon: "float" }, outputs: () => 3 },
  SitLayerNormGrad: { outputs: () => 3 },
  SitGelu: { outputs: () => 1 },
  SitGeluGrad: { outputs: () => 1 },
  SitLinear: {
    attributes: { biases: "int", ontos: "int", scales: "int", gelu: "bool", keep: "bool", reduced: "bool" },
    outputs: () => 3,
  },
  SitLinearGrad: {
    attributes: { xs: "int", roundeds: "int", befores: "int", scales: "int" },
    outputs: () => 3,
  },
  SitPerceptron: {
    attributes: { ontos: "int", scales: "int", keep: "bool", reduced: "bool" },
    outputs: () => 4,
  },
  SitPerceptronGrad: { attributes: { exacts: "int", roundeds: "int", scales: "int" }, outputs: () => 5 },
  SitAttention: { attributes: { heads: "int", keep: "bool", reduced: "bool" }, outputs: () => 2 },
  SitAttentionGrad: { attributes: { qkvs: "int", roundeds: "int", heads: "int" }, outputs: () => 1 },
  SitAdamW: {
    attributes: { overwrite: "bool" },
    count: { name: "count", of: (inputs) => (inputs - 5) / 2 },
    outputs: (inputs) => (inputs - 5) / 2 + 2,
  },
  SitMomentum: {
    attributes: { overwrite: "bool" },
    count: { name: "count", of: (inputs) => (inputs - 1) / 2 },
    outputs: (inputs) => (inputs - 1) / 2,
  },
  SitAddTo: { outputs: () => 1 },
  SitCalibrate: { outputs: () => 1 },
  SitResidual: { outputs: () => 1 },
  SitScaleSamples: { outputs: () => 1 },
  SitPatchify: { attributes: { patch: "int" }, outputs: () => 1 },
  SitUnpatchify: { attributes: { rows: "int", columns: "int", patch: "int" }, outputs: () => 1 },
  SitMaskedError: {
    attributes: { squared: "bool" },
    count: { name: "mask_count", of: (inputs) => inputs - 2 },
    outputs: () => 2,
  },
  SitMaskedErrorGrad: {
    attributes: { squared: "bool" },
    count: { name: "mask_count", of: (inputs) => inputs - 4 },
    outputs: () => 1,
  },
  SitBatchStatistics: { outputs: () => 2 },
  SitBatchNorm: {
    attributes: { epsilon: "float" },
    count: { name: "affine_count", of: (inputs) => inputs - 3 },
    outputs: () => 1,
  },
  SitBatchNormGrad: {
    attributes: { epsilon: "float" },
    count: { name: "affine_count", of: (inputs) => inputs - 4 },
    outputs: () => 3,
  },
  SitRandom: { attributes: { normal: "bool" }, outputs: () => 1 },
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

/**
 * Tells the kernels how TensorFlow counts the holders of a tensor that only one handle has, so that they can see
 * whether an input's memory may be written to. The "tensorflow" backend must be in use.
 */
export function calibrateKernels(): void {
  tf.tidy(() => {
    const fresh = tf.fill([16, 16], 1);
    tf.engine().runKernel("SitCalibrate", { fresh });
  });
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
  const types = { int: TF_ATTR_INT, float: TF_ATTR_FLOAT, bool: TF_ATTR_BOOL };
  const attributes: OperationAttribute[] = [];
  for (const [attribute, kind] of Object.entries(plan.attributes ?? {})) {
    const value = attrs[attribute];
    if (typeof value !== (kind === "bool" ? "boolean" : "number")) {
      throw new SitError("bad-option", `${name}: expected ${attribute}, a ${kind}, got ${String(value)}`);
    }
    attributes.push({ name: attribute, type: types[kind], value: value as number | boolean });
  }
  if (plan.count !== undefined) {
    const value = plan.count.of(inputs.length);
    if (!Number.isInteger(value) || value < 0) {
      throw new SitError("bad-shape", `${name}: got ${inputs.length} inputs, which cannot be`);
    }
    attributes.push({ name: plan.count.name, type: TF_ATTR_INT, value });
  }
  return backend.executeMultipleOutputs(name, attributes, inputs, plan.outputs(inputs.length));
}
