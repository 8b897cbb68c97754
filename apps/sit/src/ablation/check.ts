import { requireOption, SitError } from "@sitjs/core/errors";
import { describeJson } from "@sitjs/core/json";
import type { Ablation, AblationAxis, AblationFinding } from "./definition.js";

/** The keys of an ablation's file, beside those of a config file. */
export const ablationKeys = ["title", "seeds", "labelsPerClass", "bankImages", "axes", "findings"];

/**
 * Looks at what a file says beside its base: that each name is there once, and that findings name what is there.
 * @throws SitError "bad-option" naming the place in the file
 */
export function checkAblation(ablation: Ablation): void {
  const { title, seeds, labelsPerClass, bankImages } = ablation;
  const axes: readonly AblationAxis[] = ablation.axes;
  const findings: readonly AblationFinding[] = ablation.findings ?? [];
  requireText(title, "title");
  requireOption(Array.isArray(axes) && axes.length > 0, "ablation axes", "a list of at least one axis", axes);
  requireNames(axes, "axes");
  for (const [i, axis] of axes.entries()) checkAxis(axis, `axes[${i}]`);
  requireNumbers(seeds, "seeds", 0);
  requireNumbers(labelsPerClass, "labelsPerClass", 1);
  requireOption(
    bankImages === undefined || (Number.isSafeInteger(bankImages) && bankImages > 0),
    "ablation bankImages",
    "a whole number above 0",
    bankImages,
  );
  requireOption(Array.isArray(findings), "ablation findings", "a list", findings);
  const known = new Set(
    axes.flatMap((axis: AblationAxis) => axis.variants.map(({ name }) => `${axis.name}/${name}`)),
  );
  for (const [i, finding] of findings.entries()) checkFinding(finding, known, `findings[${i}]`);
}

function checkAxis(axis: AblationAxis, at: string): void {
  const { title, question, variants } = axis;
  requireText(title, `${at}.title`);
  if (question !== undefined) requireText(question, `${at}.question`);
  requireOption(
    Array.isArray(variants) && variants.length > 0,
    `ablation ${at}.variants`,
    "a list of at least one variant",
    variants,
  );
  requireNames(variants, `${at}.variants`);
  for (const [i, { settings, pretrained }] of variants.entries()) {
    const made = settings === undefined || typeof settings === "function" || isObject(settings);
    const place = `ablation ${at}.variants[${i}]`;
    requireOption(made, `${place}.settings`, "an object, or a function that makes one", settings);
    requireOption(
      pretrained === undefined || pretrained === false,
      `${place}.pretrained`,
      "false or nothing",
      pretrained,
    );
  }
}

function checkFinding(finding: AblationFinding, known: ReadonlySet<string>, at: string): void {
  requireOption(isObject(finding), `ablation ${at}`, "an object", finding);
  const { claim, better, worse } = finding;
  requireText(claim, `${at}.claim`);
  for (const [name, list] of Object.entries({ better, worse })) {
    requireOption(
      Array.isArray(list) && list.length > 0,
      `ablation ${at}.${name}`,
      "a list of variants",
      list,
    );
    const other = list.findIndex((variant) => !known.has(variant));
    if (other < 0) continue;
    throw new SitError(
      "bad-option",
      `ablation ${at}.${name}: expected variants as "axis/variant", got ${describeJson(list[other])}, which is none`,
    );
  }
}

function requireNames(list: readonly { readonly name: string }[], at: string): void {
  const before = new Set<string>();
  for (const [i, each] of list.entries()) {
    requireOption(isObject(each), `ablation ${at}[${i}]`, "an object", each);
    const { name } = each;
    requireText(name, `${at}[${i}].name`);
    requireOption(!name.includes("/"), `ablation ${at}[${i}].name`, "a name without /", name);
    requireOption(!before.has(name), `ablation ${at}[${i}].name`, "another name than those before it", name);
    before.add(name);
  }
}

function requireText(value: unknown, at: string): void {
  requireOption(typeof value === "string" && value.trim() !== "", `ablation ${at}`, "a text", value);
}

function requireNumbers(list: readonly number[] | undefined, at: string, minimum: number): void {
  const fits =
    list === undefined ||
    (Array.isArray(list) &&
      list.length > 0 &&
      list.every((value) => Number.isSafeInteger(value) && value >= minimum) &&
      new Set(list).size === list.length);
  requireOption(fits, `ablation ${at}`, `different whole numbers of at least ${minimum}`, list);
}

const isObject = (value: unknown) => typeof value === "object" && value !== null && !Array.isArray(value);
