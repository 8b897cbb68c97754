import * as tf from "@tensorflow/tfjs";
import { printable, SitError } from "../errors.js";

/** One thing that is asked of a part; a test of its own: `for (const { name, run } of checks) it(name, run)`. */
export interface Check {
  readonly name: string;
  /**
   * Runs on the backend in use; checks run one after the other, not at the same time. Leaves no tensors.
   * @throws SitError "not-conforming" that names the part and the check, with what was expected and what came
   */
  run(): Promise<void>;
}

/** Fails the check unless `ok`. */
export type Ensure = (ok: boolean, expected: string, got: unknown) => void;

/** A check by its name: is given a new part each time. */
export type CheckBodies<Part> = Readonly<
  Record<string, (part: Part, ensure: Ensure) => void | Promise<void>>
>;

/**
 * Runs all checks, whichever of them fail.
 * @throws SitError "not-conforming" with a line for each that failed
 */
export async function runChecks(checks: readonly Check[]): Promise<void> {
  const failures: string[] = [];
  for (const check of checks) {
    try {
      await check.run();
    } catch (error) {
      failures.push(messageOf(error));
    }
  }
  if (failures.length > 0) throw new SitError("not-conforming", failures.join("\n"));
}

/** The checks of a suite for the parts that `make` makes. */
export function checksOf<Part extends { readonly name: string }>(
  make: () => Part | Promise<Part>,
  bodies: CheckBodies<Part>,
): Check[] {
  return Object.entries(bodies).map(([name, body]) => ({
    name,
    async run() {
      // A scope, since `tidy` cannot wait: whatever the part leaves behind goes with it.
      tf.engine().startScope();
      let part = "part";
      try {
        const made = await make();
        part = made.name;
        await body(made, (ok, expected, got) => {
          if (!ok) throw new Failure(`expected ${expected}, got ${got}`);
        });
      } catch (error) {
        const reason =
          error instanceof Failure ? error.message : `expected no error, got ${messageOf(error)}`;
        throw new SitError("not-conforming", `${printable(part)}: ${name}: ${reason}`, { cause: error });
      } finally {
        tf.engine().endScope();
      }
    },
  }));
}

/** Whether `work` throws a `SitError`; another error is said in `got`. */
export function refusal(work: () => unknown): { readonly refused: boolean; readonly got: string } {
  try {
    work();
    return { refused: false, got: "no error" };
  } catch (error) {
    return { refused: SitError.isInstance(error), got: `${(error as Error)?.name}: ${messageOf(error)}` };
  }
}

/** Why a check fails, before it is known which one. */
class Failure extends Error {}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
