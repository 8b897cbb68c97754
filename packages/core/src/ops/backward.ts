import * as tf from "@tensorflow/tfjs";
import { hasKernel, holdsAlone, runKernel } from "./backend.js";

/** What this file uses of tfjs's tape, which its types keep private. */
interface Tape {
  startTape(): void;
  endTape(): void;
  readonly state: { activeTape: Node[] | null; gradientDepth: number };
}

interface Node {
  readonly kernelName: string;
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  readonly outputs: readonly tf.Tensor[];
  readonly saved?: readonly tf.Tensor[];
  readonly gradient?: (dys: (tf.Tensor | undefined)[]) => Readonly<Record<string, () => tf.Tensor>>;
}

/**
 * The value of `f` and its gradients with respect to `xs`, undefined where it does not depend on one.
 *
 * As tfjs's own `grads`, but a gradient or a kept activation is given back as soon as the walk backwards is done with
 * it, so that memory falls from the end of the forward pass on, and sums of gradients are made in place.
 *
 * @param f may use any tfjs operation that has a gradient; what it makes goes away with it, but for the value and what
 *   is marked by `tf.keep`
 * @returns tensors that belong to the caller
 */
export function valueAndGradients(
  f: () => tf.Scalar,
  xs: readonly tf.Tensor[],
): { value: tf.Scalar; gradients: (tf.Tensor | undefined)[] } {
  const engine = tf.engine() as unknown as Tape;
  if (engine.state.gradientDepth > 0) {
    // Within somebody else's differentiation the tape is theirs to walk.
    const { value, grads } = tf.engine().gradients(f, [...xs], undefined, true);
    return { value: value as tf.Scalar, gradients: grads.map((gradient) => gradient ?? undefined) };
  }
  let value: tf.Scalar;
  let tape: Node[];
  engine.startTape();
  try {
    value = tf.tidy(f);
  } catch (error) {
    release(engine.state.activeTape ?? []);
    throw error;
  } finally {
    engine.endTape();
    tape = engine.state.activeTape ?? [];
    engine.state.activeTape = null;
  }
  const kept = new Set(xs.map((x) => x.id));
  try {
    const gradients = tf.tidy(() => {
      const found = walk(tape, value, kept);
      return xs.map((x) => found.get(x.id)) as unknown as tf.Tensor[];
    });
    return { value, gradients };
  } catch (error) {
    value.dispose();
    throw error;
  } finally {
    release(tape);
  }
}

function release(tape: readonly Node[]): void {
  for (const node of tape) for (const tensor of node.saved ?? []) tensor.dispose();
}

/** Gradients by the tensor's id; of all but `kept` they are disposed on the way, and so is what the nodes saved. */
function walk(tape: Node[], value: tf.Tensor, kept: ReadonlySet<number>): Map<number, tf.Tensor> {
  const dependent = new Set(kept);
  for (const { inputs, outputs } of tape) {
    if (Object.values(inputs).some(({ id }) => dependent.has(id))) {
      for (const { id } of outputs) dependent.add(id);
    }
  }
  const gradients = new Map<number, tf.Tensor>();
  if (dependent.has(value.id)) gradients.set(value.id, tf.onesLike(value));
  for (let node = tape.at(-1); node !== undefined; node = tape.at(-1)) {
    const dys = node.outputs.map(({ id }) => gradients.get(id));
    if (dys.some((dy) => dy !== undefined)) {
      for (const [id, dx] of inputGradients(node, dys, dependent)) {
        const sum = gradients.get(id);
        gradients.set(id, sum === undefined ? dx : addTo(sum, dx));
      }
    }
    for (const { id } of node.outputs) {
      if (kept.has(id)) continue;
      gradients.get(id)?.dispose();
      gradients.delete(id);
    }
    release([node]);
    tape.pop(); // not before: where a gradient throws, the caller releases what the node has saved
  }
  return gradients;
}

/** What `node` gives each of its inputs that the gradient is wanted for; tensors of their own. */
function inputGradients(
  node: Node,
  dys: (tf.Tensor | undefined)[],
  dependent: ReadonlySet<number>,
): [id: number, dx: tf.Tensor][] {
  const made: [number, tf.Tensor][] = [];
  tf.tidy(() => {
    const { gradient } = node;
    if (gradient === undefined)
      throw new Error(`Cannot differentiate ${node.kernelName}: tfjs has no gradient for it.`);
    const of = gradient(dys);
    for (const [name, input] of Object.entries(node.inputs)) {
      if (!dependent.has(input.id)) continue;
      const dx = tf.tidy(() => (of[name] as () => tf.Tensor)());
      const borrowed = dys.includes(dx) || node.saved?.includes(dx) || made.some(([, other]) => other === dx);
      made.push([input.id, borrowed ? tf.clone(dx) : dx]);
    }
    return made.map(([, dx]) => dx);
  });
  return made;
}

/** sum + dx; takes both over. */
function addTo(sum: tf.Tensor, dx: tf.Tensor): tf.Tensor {
  if (hasKernel("SitAddTo") && holdsAlone(sum)) {
    const [next] = runKernel("SitAddTo", { sum, x: dx }) as [tf.Tensor];
    dx.dispose();
    sum.dispose();
    return next;
  }
  const next = tf.add(sum, dx);
  sum.dispose();
  dx.dispose();
  return next;
}
