import { SitError } from "@sitjs/core/errors";
import { decodeText, describeJson } from "@sitjs/core/json";
import { readPlain } from "../idx-dataset.js";

/** Names of the classes by label, or the path of a text file with one on each line, as CIFAR and STL-10 come with. */
export type ClassNames = readonly string[] | string;

/**
 * The names of the classes: those given, or the lines of a file without the empty ones at its end.
 * @param count how many there must be
 * @throws SitError "missing-file", "bad-file" naming the file, or "bad-option" for another number of names or one twice
 */
export async function readClassNames(
  given: ClassNames | undefined,
  count: number,
): Promise<readonly string[] | undefined> {
  if (given === undefined) return undefined;
  const fromFile = typeof given === "string";
  const names = fromFile ? linesOf(decodeText(await readPlain(given), given)) : given;
  const fail = (expected: string, got: string): never => {
    const where = fromFile ? given : "classes";
    throw new SitError(fromFile ? "bad-file" : "bad-option", `${where}: expected ${expected}, got ${got}`);
  };
  if (names.length !== count) fail(`${count} names of classes`, String(names.length));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) fail("each name once", `${describeJson(twice)} twice`);
  if (names.includes("")) fail("a name on each line", "an empty one");
  return names;
}

function linesOf(text: string): string[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => line.trim());
}
