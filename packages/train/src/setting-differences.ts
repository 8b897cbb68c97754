/**
 * In what the settings of a part differ from those saved, in words: the path of each option with its saved and its present
 * value. Not compared is what only the present settings name, since an earlier version did not say it, and everything but
 * the name of a part whose settings were or are unknown (see `partRecord` of `@sitjs/core`).
 *
 * @param strict compare what only the present settings name, too
 */
export function nestedDifferences(
  path: string,
  saved: unknown,
  now: unknown,
  { strict = false }: { readonly strict?: boolean } = {},
): string[] {
  if (Array.isArray(saved) && Array.isArray(now)) return listDifferences(path, saved, now);
  if (!isRecord(saved) || !isRecord(now)) return valueDifference(path, saved, now);
  const both = (name: string) => name in saved && name in now;
  const others = [
    ...(both("name") ? valueDifference(path, saved.name, now.name) : []),
    ...(both("order") ? nestedDifferences(`${path}.order`, saved.order, now.order) : []),
  ];
  if (saved.unknown === true || now.unknown === true) return others;
  const names = new Set([...Object.keys(saved), ...(strict ? Object.keys(now) : [])]);
  names.delete("name");
  names.delete("order");
  // A part in another's place has options of its own, and of parts in an order some may have gone.
  const compared = [...names].filter((name) => others.length === 0 || name in now);
  return [
    ...others,
    ...compared.flatMap((name) => nestedDifferences(`${path}.${name}`, saved[name], now[name], { strict })),
  ];
}

/** The lengths where they differ, else the first entry that does. */
function listDifferences(path: string, saved: readonly unknown[], now: readonly unknown[]): string[] {
  const nested = [...saved, ...now].some((entry) => typeof entry === "object" && entry !== null);
  if (!nested) return valueDifference(path, saved, now);
  if (saved.length !== now.length) return [`${path} ${saved.length} entries (now ${now.length})`];
  const at = saved.findIndex((entry, i) => JSON.stringify(entry) !== JSON.stringify(now[i]));
  return at === -1 ? [] : nestedDifferences(`${path}[${at}]`, saved[at], now[at], { strict: true });
}

function valueDifference(path: string, saved: unknown, now: unknown): string[] {
  return JSON.stringify(saved) === JSON.stringify(now) ? [] : [`${path} ${text(saved)} (now ${text(now)})`];
}

const LONGEST = 200;

/** A value as JSON, cut where it is long. */
export function text(value: unknown): string {
  const whole = JSON.stringify(value) ?? "none";
  return whole.length <= LONGEST ? whole : `${whole.slice(0, LONGEST)}…`;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
