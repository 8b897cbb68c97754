import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { SitError } from "../src/errors.js";

/** Gives the path of an empty folder of each test's own, removed after it. */
export function scratchFolder(): () => string {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "sitjs-core-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  return () => folder;
}

/** The `SitError` that ends this work, which must end so within the time, in milliseconds. */
export async function failure(work: Promise<unknown>, within = 20_000): Promise<SitError> {
  let watchdog: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    watchdog = setTimeout(resolve, within, `expected an error within ${within / 1000} seconds, got none`);
  });
  const outcome = await Promise.race([
    late,
    work.then(
      () => "expected a SitError, got a result",
      (thrown: unknown) => thrown,
    ),
  ]);
  clearTimeout(watchdog);
  if (!SitError.isInstance(outcome)) throw new Error(String(outcome));
  return outcome;
}
