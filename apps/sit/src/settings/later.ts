import type { Settings } from "./settings.js";

/**
 * Settings that earlier versions had not, with the values that all their networks had: what they have saved is read with
 * them, and a trial with them is the one of before.
 */
const laterSettings = { layerNormEpsilon: 1e-6 } as const satisfies Partial<Settings>;

/** What an earlier version has saved, with what it did not know. */
export const completeSettings = (saved: Settings): Settings => ({ ...laterSettings, ...saved });

/** True where a setting says nothing that an earlier version would not have meant. */
export const isAsBefore = (name: keyof Settings, { [name]: value }: Settings): boolean =>
  name in laterSettings && value === laterSettings[name as keyof typeof laterSettings];
