/** What a value may be. */
export type Kind =
  | { readonly type: "whole"; readonly minimum: number }
  | { readonly type: "number"; readonly minimum: number; readonly maximum: number }
  | { readonly type: "choice"; readonly choices: readonly (string | number)[] };

/** Which commands take a setting. */
export type Group =
  | "data"
  | "model"
  | "heads"
  | "corruption"
  | "pretraining"
  | "precision"
  | "saving"
  | "watching"
  | "faults"
  | "test faults"
  | "fine-tuning"
  | "weights"
  | "neighbours";

export interface Definition {
  readonly group: Group;
  readonly kind: Kind;
  readonly help: string;
}

/** At least `minimum`. */
export const whole = (minimum = 1): Kind => ({ type: "whole", minimum });
/** Any number from `minimum` to `maximum`. */
export const within = (minimum: number, maximum = Number.POSITIVE_INFINITY): Kind => ({
  type: "number",
  minimum,
  maximum,
});
export const choice = (...choices: (string | number)[]): Kind => ({ type: "choice", choices });
