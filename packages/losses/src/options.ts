import { requireOption } from "@sitjs/core/errors";

/** Throws `SitError("bad-option")` unless `temperature` is a finite number above 0. */
export function requireTemperature(temperature: number, option = "temperature"): void {
  requireOption(
    Number.isFinite(temperature) && temperature > 0,
    option,
    "a finite number above 0",
    temperature,
  );
}
