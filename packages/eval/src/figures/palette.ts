/**
 * The eight hues of Okabe & Ito 2008 ("Color Universal Design"), told apart by colour-blind readers (grey for their
 * black), and violet and brown, each in a shade for white paper and one for a dark screen. Classes also differ in shape, so colour never stands alone.
 */
export const CLASS_COLORS: readonly { light: string; dark: string }[] = [
  { light: "#0072b2", dark: "#4aa3df" },
  { light: "#e08e00", dark: "#f0a830" },
  { light: "#00916a", dark: "#2bbd92" },
  { light: "#c15a9a", dark: "#e08cc0" },
  { light: "#d04a00", dark: "#f27a3d" },
  { light: "#3fa9e0", dark: "#9bd6f7" },
  { light: "#a89a00", dark: "#f0e442" },
  { light: "#5f6673", dark: "#b9c0cc" },
  { light: "#6a4fb8", dark: "#a894ee" },
  { light: "#80522d", dark: "#c2926b" },
];

/** Plot's names of filled marks; as many as are prime to the number of colours, so that pairs repeat late (70). */
export const CLASS_SYMBOLS = ["circle", "square", "triangle", "diamond", "star", "cross", "wye"] as const;

export function classColor(index: number): string {
  return `var(--class-${index % CLASS_COLORS.length})`;
}

export function classSymbol(index: number): (typeof CLASS_SYMBOLS)[number] {
  return CLASS_SYMBOLS[index % CLASS_SYMBOLS.length] ?? "circle";
}

/** The palette as CSS declarations, one theme. */
export function paletteVariables(theme: "light" | "dark"): string {
  return CLASS_COLORS.map((color, index) => `--class-${index}: ${color[theme]};`).join(" ");
}
