import type { MethodMaker } from "./maker.js";
import type { MethodName } from "./names.js";
import { gmmlMaker, sitMaker } from "./sit.js";

/** How each method is made, by the name that `--method` has for it. */
export const methodMakers: Readonly<Record<MethodName, MethodMaker>> = {
  sit: sitMaker,
  gmml: gmmlMaker,
};
