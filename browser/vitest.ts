// What the tests import as `vitest` in a page: its own runner and assertions, without the parts that need Node.
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  customMatchers,
  GLOBAL_EXPECT,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
} from "@vitest/expect";

export { afterAll, afterEach, beforeAll, beforeEach, describe, it, test } from "@vitest/runner";

for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin);
const globals = globalThis as unknown as Record<symbol, object>;
// What the first plugin has put there, which chai's own types do not know.
const { extend, ...rest } = chai.expect as typeof chai.expect & {
  extend(expect: object, matchers: typeof customMatchers): void;
};

export const expect = Object.assign(
  (value: unknown, message?: string) => chai.expect(value, message),
  rest,
  globals[ASYMMETRIC_MATCHERS_OBJECT],
);

globals[GLOBAL_EXPECT] = expect;
extend(expect, customMatchers);
