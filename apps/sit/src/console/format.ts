import type { ProgressEvent } from "../experiment/reporter.js";

/** `45 s`, `12:05 min` or `3:07 h`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const pair = (large: number, small: number) => `${large}:${String(small).padStart(2, "0")}`;
  if (whole < 3600) return `${pair(Math.floor(whole / 60), whole % 60)} min`;
  const minutes = Math.round(whole / 60);
  return `${pair(Math.floor(minutes / 60), minutes % 60)} h`;
}

/** Speed, time left and current values of a stage, in words. */
export function details(event: ProgressEvent): string {
  const { imagesPerSecond, secondsLeft, totalSecondsLeft, values = {} } = event;
  const parts: string[] = [];
  if (imagesPerSecond !== undefined)
    parts.push(`${imagesPerSecond.toFixed(imagesPerSecond < 10 ? 1 : 0)} images/s`);
  for (const [name, value] of Object.entries(values)) parts.push(`${name} ${value.toFixed(3)}`);
  if (secondsLeft !== undefined) parts.push(`${duration(secondsLeft)} left`);
  if (totalSecondsLeft !== undefined) parts.push(`${duration(totalSecondsLeft)} to the end`);
  return parts.join(", ");
}
