import { SitError } from "@sitjs/core/errors";
import { describeJson } from "@sitjs/core/json";
import * as v from "valibot";

/**
 * `value` as the schema describes it, without keys that the schema does not have.
 * @param source what to call the file in errors
 * @throws SitError "bad-file" for the first place that does not fit: `file: images[3].id: expected …, got …`
 */
export function validate<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  source: string,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = pathOf(issue.path ?? []);
  // A key that is missing is "expected" by its own name, which is in the path.
  const expected = words[issue.expected ?? ""] ?? "a value";
  throw new SitError(
    "bad-file",
    `${source}${path && `: ${path}`}: expected ${expected}, got ${describeJson(issue.input)}`,
  );
}

/** What valibot calls the kinds of values, in the words of messages. */
const words: Readonly<Record<string, string>> = {
  Array: "a list",
  Object: "an object",
  string: "a text",
  number: "a number",
  "(number | string)": "a number or a text",
};

function pathOf(path: readonly { readonly key: unknown }[]): string {
  return path.reduce((text, { key }) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return text === "" ? String(key) : `${text}.${String(key)}`;
  }, "");
}
