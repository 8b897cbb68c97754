import type { ReportSpread } from "./data.js";

const NUMBER = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

/** 12,345.6 */
export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : NUMBER.format(value);
}

/** A fraction as 74.8 %. */
export function percent(fraction: number | undefined): string {
  return fraction === undefined ? "–" : `${(100 * fraction).toFixed(1)} %`;
}

/** 61.0 ± 1.4 %, mean and deviation of fractions; of one value without its deviation, – of none. */
export function spreadText(of: ReportSpread | undefined): string {
  if (of === undefined) return "–";
  const share = (fraction: number) => (100 * fraction).toFixed(1);
  return of.values.length > 1 ? `${share(of.mean)} ± ${share(of.deviation)} %` : `${share(of.mean)} %`;
}

/** The difference of two fractions as +28.0 or −1.2 points. */
export function gain(from: number | undefined, to: number | undefined): string {
  if (from === undefined || to === undefined) return "–";
  const points = (100 * (to - from)).toFixed(1);
  return `${points.startsWith("-") ? points.replace("-", "−") : `+${points}`} points`;
}

/** 0.8 s, 4 min 05 s, 1 h 02 min */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}

/** Four significant digits: 0.1234, 2.5e-7. */
export function loss(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : String(Number(value.toPrecision(4)));
}

/** 2026-05-01 14:03 UTC; any other text as it came. */
export function moment(date: string): string {
  const time = new Date(date);
  if (Number.isNaN(time.getTime())) return date;
  return `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
