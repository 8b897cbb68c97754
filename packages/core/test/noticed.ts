// Shows that a conformance suite catches what it is for.
import * as tf from "@tensorflow/tfjs";
import { expect, it } from "vitest";
import { type Check, runChecks, type SettingsCheckOptions, settingsChecks } from "../src/testing/index.js";

/** Where a broken part puts what it keeps on purpose (`tf.keep`), to be disposed after each check. */
export const left: tf.Tensor[] = [];

/** The names of the checks that fail. */
export async function failed(checks: readonly Check[]): Promise<string[]> {
  const names: string[] = [];
  for (const { name, run } of checks) {
    const before = tf.memory().numTensors;
    await run().catch((error) => {
      expect(error).toMatchObject({ code: "not-conforming" });
      names.push(name);
    });
    tf.dispose(left.splice(0));
    // Whatever else the part does, the check cleans up after it.
    expect(tf.memory().numTensors, name).toBe(before);
  }
  return names;
}

/** Changes to a good part, and all checks that each of them fails. */
export type Faults<Part> = Readonly<Record<string, readonly [change: Partial<Part>, ...checks: string[]]>>;

/** What every suite asks of settings. */
const ofSettings = settingsChecks(() => ({ name: "part" })).map(({ name }) => name);

/** Tests: the good part passes, each fault fails its checks and no others, and every check has a fault. */
export function noticed<Part extends { readonly name: string }>(
  make: () => Part,
  suite: (make: () => Part, options?: SettingsCheckOptions<Part>) => readonly Check[],
  faults: Faults<Part>,
): void {
  it("passes a part that keeps to the contract", async () => {
    await runChecks(suite(make));
  });

  it.each(Object.entries(faults))("notices %s", async (_, [change, ...checks]) => {
    expect(await failed(suite(() => ({ ...make(), ...change })))).toEqual(checks);
  });

  it.each([
    ["that JSON has not", { ratio: Number.NaN }, ofSettings[0]],
    ["that do not know an option", { ratio: 1 }, ofSettings[1]],
  ])("notices settings %s", async (_, settings, name) => {
    const telling = () => ({ ...make(), settings });
    const checks = suite(telling, { others: { ratio: () => ({ ...telling(), settings: { ratio: 1 } }) } });
    expect(await failed(checks.filter((check) => ofSettings.includes(check.name)))).toEqual([name]);
  });

  it("has a fault for every check", () => {
    const caught = new Set(Object.values(faults).flatMap(([, ...checks]) => checks));
    expect([...caught].sort()).toEqual(
      suite(make)
        .map(({ name }) => name)
        .filter((name) => !ofSettings.includes(name))
        .sort(),
    );
  });
}
