import { type Params, param, SitError, tidy } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import type { Attribute, NodeMessage, TensorMessage } from "./messages.js";

/** A value of the graph: the name of an input, a constant or a node's output. */
export type Value = string;

/** A graph of nodes in the order of computation, with its constants; those of tensors are read when it is finished. */
export class Graph {
  readonly nodes: NodeMessage[] = [];
  readonly opset: number;
  private readonly tensors = new Map<Value, () => tf.Tensor>();
  private readonly whole = new Map<Value, TensorMessage>();

  constructor(opset: number) {
    this.opset = opset;
  }

  /** Adds a node with one output, which is called as the node is. */
  node(
    operator: string,
    name: string,
    inputs: readonly Value[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): Value {
    this.nodes.push({ operator, name, inputs, outputs: [name], attributes });
    return name;
  }

  /** A constant of numbers that `make` gives; what it gives is disposed after it was read, and must be new. */
  constant(name: string, make: () => tf.Tensor): Value {
    this.tensors.set(name, make);
    return name;
  }

  /** A constant of whole numbers, a list or a single one: a shape, an index, axes. The same numbers are there once. */
  integers(of: readonly number[] | number): Value {
    const list = typeof of === "number" ? [of] : of;
    const name = typeof of === "number" ? `integer/${of}` : `integers/${list.join(",")}`;
    const shape = typeof of === "number" ? [] : [list.length];
    this.whole.set(name, { name, shape, values: BigInt64Array.from(list, BigInt) });
    return name;
  }

  /** A constant number. */
  number(value: number): Value {
    return this.constant(`number/${value}`, () => tf.scalar(value));
  }

  reshape(name: string, input: Value, shape: readonly number[]): Value {
    return this.node("Reshape", name, [input, this.integers(shape)]);
  }

  transpose(name: string, input: Value, permutation: readonly number[]): Value {
    return this.node("Transpose", name, [input], { perm: { ints: permutation } });
  }

  /** The constants' values, one after the other from the device. */
  async finish(): Promise<readonly TensorMessage[]> {
    const found: TensorMessage[] = [];
    for (const [name, make] of this.tensors) {
      const tensor = tidy(make);
      try {
        found.push({ name, shape: tensor.shape, values: (await tensor.data()) as Float32Array });
      } finally {
        tensor.dispose();
      }
    }
    found.push(...this.whole.values());
    return found;
  }
}

/**
 * The parameter of that name, of that shape.
 * @throws SitError "bad-parameters" where it is missing or not float32, "bad-shape"
 */
export function shaped(params: Params, name: string, shape: readonly number[]): tf.Tensor {
  const tensor = param(params, name);
  if (tensor.shape.length !== shape.length || tensor.shape.some((side, axis) => side !== shape[axis])) {
    throw new SitError(
      "bad-shape",
      `parameter ${name}: expected [${shape.join(", ")}], got [${tensor.shape.join(", ")}]`,
    );
  }
  if (tensor.dtype !== "float32") {
    throw new SitError("bad-parameters", `parameter ${name}: expected float32, got ${tensor.dtype}`);
  }
  return tensor;
}
