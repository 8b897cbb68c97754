import { printable, requireOption, SitError } from "@sitjs/core";
import {
  detectOrigin,
  networkPrefixes,
  type Place,
  preferredNetwork,
  translate,
  translateOutside,
  type WeightOrigin,
  weightOrigins,
} from "./origins.js";

/** What a file's tensors are for our parameters. */
export interface WeightPlaces {
  readonly origin: WeightOrigin;
  /** The prefix of the network's names in the file. */
  readonly prefix: string;
  /** By our names (those of a classifier begin with `head.`): names of the file's tensors that make them, in order. */
  readonly places: ReadonlyMap<string, readonly string[]>;
  readonly notUsed: string[];
}

/**
 * Finds one network among the tensors of a file.
 * @throws SitError "bad-option"; "bad-parameters" where there is none, or several with none preferred
 */
export function findPlaces(
  names: readonly string[],
  options: {
    readonly from?: WeightOrigin | "auto" | undefined;
    readonly network?: string | undefined;
    readonly source: string;
  },
): WeightPlaces {
  const { from = "auto", network, source } = options;
  const origins = ["auto", ...weightOrigins];
  requireOption(origins.includes(from), "from", origins.map((name) => `"${name}"`).join(", "), from);
  const origin = from === "auto" ? detectOrigin(names) : from;
  const prefix = choosePrefix(names, origin, network, source);
  return { origin, prefix, ...placesOf(names, prefix, origin) };
}

function choosePrefix(
  names: readonly string[],
  origin: WeightOrigin,
  network: string | undefined,
  source: string,
): string {
  const all = networkPrefixes(names);
  const shown = all.map((prefix) => printable(prefix) || "one without a prefix").join(", ");
  if (network !== undefined) {
    const [found, ...others] = all.filter((prefix) => prefix.split(".").includes(network));
    requireOption(
      found !== undefined && others.length === 0,
      "network",
      `a part of one of ${source}'s prefixes: ${shown}`,
      network,
    );
    return found;
  }
  const preferred = preferredNetwork[origin];
  const liked = all.filter((prefix) => preferred !== undefined && prefix.split(".").includes(preferred));
  const [found, ...others] = all.length === 1 ? all : liked;
  if (found !== undefined && others.length === 0) return found;
  const expected = "expected the patch embedding of one vision transformer, patch_embed.proj.weight";
  throw new SitError(
    "bad-parameters",
    all.length === 0
      ? `${source}: ${expected}, got only ${shorten(names)}`
      : `${source}: ${expected}, got ${all.length}: ${shown}`,
    { mend: all.length === 0 ? undefined : "Say which by the option network." },
  );
}

/** Where every tensor of the file goes: our names, each with the names of its parts in order. */
function placesOf(
  names: readonly string[],
  prefix: string,
  origin: WeightOrigin,
): { places: Map<string, string[]>; notUsed: string[] } {
  const places = new Map<string, string[]>();
  const notUsed: string[] = [];
  for (const name of names) {
    const place: Place | undefined =
      (name.startsWith(prefix) ? translate(origin, name.slice(prefix.length)) : undefined) ??
      translateOutside(origin, name);
    if (place === undefined) {
      notUsed.push(name);
      continue;
    }
    const parts = places.get(place.name) ?? [];
    parts[place.part ?? 0] = name;
    places.set(place.name, parts);
  }
  return { places, notUsed };
}

/** The first of some names. */
export function shorten(names: readonly string[]): string {
  const some = names.slice(0, 8).map(printable).join(", ");
  return names.length > 8 ? `${some}, … (${names.length})` : some || "none";
}
