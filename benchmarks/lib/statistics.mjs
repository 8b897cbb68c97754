/** The value below which `share` (0 to 1) of the values lie; linear between neighbours (Hyndman and Fan 1996, type 7). */
export function quantile(values, share) {
  if (values.length === 0) throw new Error("quantile: expected at least one value, got none");
  const sorted = [...values].sort((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

export function median(values) {
  return quantile(values, 0.5);
}

/** Five numbers that say how values spread. */
export function spread(values) {
  const [minimum, lower, middle, upper, maximum] = [0, 0.25, 0.5, 0.75, 1].map((share) =>
    quantile(values, share),
  );
  return { minimum, lower, median: middle, upper, maximum };
}
