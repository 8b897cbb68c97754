import { requireOption } from "@sitjs/core/errors";
import type { CataloguePart } from "./entry.js";

/**
 * The part of this name.
 * @throws SitError "bad-option" naming `part`, and the parts there are
 */
export function requirePart<Name extends string>(
  parts: readonly (CataloguePart & { readonly name: Name })[],
  part: string,
): Name {
  const found = parts.find(({ name }) => name === part);
  requireOption(found !== undefined, "part", `one of ${parts.map(({ name }) => name).join(", ")}`, part);
  return found.name;
}
