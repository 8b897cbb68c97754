const times = new Set(["date", "imagesPerSecond", "peakMemoryMB", "seconds", "timings"]);

/** A result without what is another each time, at any depth. */
export function timeless(value) {
  if (Array.isArray(value)) return value.map(timeless);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => (times.has(name) ? [] : [[name, timeless(inner)]])),
  );
}
