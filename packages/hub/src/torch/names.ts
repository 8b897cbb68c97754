import { SitError } from "@sitjs/core/errors";
import { shortName } from "./describe.js";
import { PickleRecord, PickleUnknown } from "./pickle-value.js";
import { TorchTensor, type TorchValue } from "./tensor.js";

/** Deeper than any checkpoint; a container that holds itself is deeper than anything. */
const deepest = 32;
/** A tensor's dotted name; a key that the memo holds can be in as many names as there are tensors. */
const longestName = 1000;
/**
 * How many values are walked for each byte of the pickle: a value takes a byte or more, but one that is in several
 * containers is met in each. A few lists that hold each other are far more ways to walk.
 */
const visitedPerByte = 8;

/**
 * The tensors below a value by dotted names: `model.blocks.0.norm1.weight` for `{"model": {"blocks.0.norm1.weight": …}}`,
 * members of lists by their number.
 * @param bytes length of the pickle that the value is of
 * @throws SitError "bad-file" for what was left unknown, two of one name, and containers too deep or too many
 */
export function tensorsByName(value: TorchValue, source: string, bytes: number): Record<string, TorchTensor> {
  const mostVisited = visitedPerByte * bytes + 1000;
  const found: Record<string, TorchTensor> = Object.create(null);
  let visited = 0;
  const visit = (of: TorchValue, name: string, depth: number): void => {
    if (++visited > mostVisited || depth > deepest) {
      throw new SitError(
        "bad-file",
        `${source}: expected at most ${mostVisited} values, nested at most ${deepest} deep, got more`,
      );
    }
    if (of instanceof TorchTensor) {
      if (name.length > longestName)
        throw new SitError(
          "bad-file",
          `${source}: expected names of at most ${longestName} letters, got ${shortName(name)}`,
        );
      if (name in found)
        throw new SitError("bad-file", `${source}: expected one tensor ${shortName(name)}, got two`);
      found[name] = of;
      return;
    }
    if (of instanceof PickleUnknown) {
      throw new SitError(
        "bad-file",
        `${source}: refused, since loading ${shortName(name)} would need ${of.text}, which is not known`,
      );
    }
    const below = (key: unknown, member: TorchValue) =>
      visit(member, name === "" ? String(key) : `${name}.${String(key)}`, depth + 1);
    if (of instanceof Map) {
      for (const [key, member] of of) {
        if (key instanceof PickleUnknown) visit(key, name, depth + 1);
        below(keyText(key), member);
      }
    }
    if (of instanceof PickleRecord) for (const [key, member] of of.fields) below(key, member);
    else if (of instanceof Set) for (const member of of) below("?", member);
    else if (Array.isArray(of)) for (const [i, member] of of.entries()) below(i, member);
  };
  visit(value, "", 0);
  return found;
}

function keyText(key: TorchValue): string {
  return typeof key === "string" || typeof key === "number" || typeof key === "bigint" ? String(key) : "?";
}
