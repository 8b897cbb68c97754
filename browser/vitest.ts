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
// The first plugin has put `extend` there, which chai's own types do not know.
const base = chai.expect as typeof chai.expect & {
  extend(expect: object, matchers: typeof customMatchers): void;
};

export const expect = Object.assign(
  (value: unknown, message?: string) => base(value, message),
  base,
  globals[ASYMMETRIC_MATCHERS_OBJECT],
);

globals[GLOBAL_EXPECT] = expect;
base.extend(expect, customMatchers);
