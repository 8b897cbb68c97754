import { paletteVariables } from "../figures/palette.js";

const LIGHT = `--paper: #f6f7f9; --surface: #ffffff; --ink: #1b2430; --muted: #626c7a; --line: #dfe3e9;
  --accent: #0b63b5; --accent-2: #b8470a; --plain: #9aa4b2; --warn: #fff5dc; --warn-line: #d99a00; --good: #0a7a4b;
  ${paletteVariables("light")}`;
const DARK = `--paper: #12161c; --surface: #1a2028; --ink: #e8ecf1; --muted: #9ba6b4; --line: #303945;
  --accent: #62b0f5; --accent-2: #f39a5b; --plain: #77828f; --warn: #33290f; --warn-line: #c8941a; --good: #4cc38a;
  ${paletteVariables("dark")}`;

/** Colours by name, for light and dark. */
export const COLORS = `:root { color-scheme: light dark; ${LIGHT} }
@media (prefers-color-scheme: dark) { :root { ${DARK} } }`;

/** The report's style sheet: light and dark, wide and narrow; no fonts or files from elsewhere. */
export const STYLE = `
${COLORS}
@media print { :root { color-scheme: light; ${LIGHT} } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main, header, footer { max-width: 1080px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 40px; }
h1 { font-size: clamp(26px, 5vw, 38px); line-height: 1.15; margin: 0 0 6px; letter-spacing: -0.02em; }
h2 { font-size: 22px; margin: 0 0 4px; letter-spacing: -0.01em; }
h3 { font-size: 16px; margin: 18px 0 8px; }
p { margin: 0 0 12px; max-width: 72ch; }
a { color: var(--accent); }
.sub, .how, .caption { color: var(--muted); }
.how { margin-bottom: 18px; }
.caption { font-size: 14px; margin: 6px 0 0; }
.headline { font-size: clamp(18px, 2.6vw, 22px); line-height: 1.4; margin: 20px 0 0; }
nav { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 18px 0 0; font-size: 15px; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }
section { background: var(--surface); border: 1px solid var(--line); border-radius: 12px; padding: 24px;
  margin: 20px 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 12px; margin: 22px 0 0; }
.tile { background: var(--surface); border: 1px solid var(--line); border-radius: 12px; padding: 12px 14px; }
.tile b { display: block; font-size: 20px; line-height: 1.3; font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere; }
.tile span { color: var(--muted); font-size: 14px; }
.warning { background: var(--warn); border-left: 4px solid var(--warn-line); border-radius: 6px; padding: 10px 16px;
  margin: 18px 0 0; max-width: none; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); gap: 24px; }
.columns > * { min-width: 0; }
figure { margin: 0; }
figure h3 { margin-top: 0; }
figure svg { display: block; width: 100%; height: auto; --plot-background: var(--surface); }
figure.natural svg { width: auto; max-width: 100%; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 15px; }
th, td { text-align: left; padding: 7px 14px 7px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
tr > :last-child { padding-right: 0; }
thead th { color: var(--muted); font-weight: 600; font-size: 14px; }
tbody th { font-weight: 500; }
.number { text-align: right; white-space: nowrap; }
.settings th { width: 38%; }
.settings td { overflow-wrap: anywhere; }
.gain { color: var(--good); font-weight: 600; white-space: nowrap; }
.loss { color: var(--accent-2); font-weight: 600; white-space: nowrap; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 16px; list-style: none; padding: 0; margin: 0 0 14px;
  font-size: 14px; }
.legend li { display: flex; align-items: center; gap: 6px; }
.legend svg { width: 14px; height: 14px; overflow: visible; flex: none; }
.pictures { display: grid; grid-template-columns: repeat(3, 1fr); gap: 6px 26px; }
.quad { display: grid; grid-template-columns: repeat(4, 1fr); gap: 6px; margin: 0; }
.quad img { display: block; width: 100%; height: auto; aspect-ratio: var(--ratio, 1); image-rendering: pixelated;
  border-radius: 4px; background: var(--line); }
.quad img.smooth { image-rendering: auto; }
.mistakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(112px, 1fr)); gap: 14px; list-style: none;
  padding: 0; margin: 12px 0 0; font-size: 13px; line-height: 1.35; }
.mistakes img { display: block; width: 100%; height: auto; aspect-ratio: var(--ratio, 1); image-rendering: pixelated;
  border-radius: 4px; background: var(--line); margin-bottom: 4px; }
.mistakes img.smooth { image-rendering: auto; }
.mistakes span { display: block; overflow-wrap: anywhere; }
.mistakes .loss { white-space: normal; }
.strip { display: grid; gap: 14px; }
.strip img { display: block; max-width: 100%; height: auto; border-radius: 4px; }
.heads { font-size: 13px; color: var(--muted); }
@media (max-width: 900px) { .pictures { grid-template-columns: repeat(2, 1fr); } .heads:nth-child(3) { display: none; } }
@media (max-width: 620px) {
  main, header, footer { padding: 0 12px; }
  header { padding-top: 24px; }
  section { padding: 18px 14px; }
  .tiles { grid-template-columns: 1fr 1fr; }
  .pictures { grid-template-columns: 1fr; }
  .heads:nth-child(2) { display: none; }
  th, td { padding-right: 10px; }
}
details { margin-top: 14px; }
summary { cursor: pointer; color: var(--accent); }
pre { background: var(--paper); border: 1px solid var(--line); border-radius: 8px; padding: 12px 14px;
  overflow-x: auto; font: 14px/1.5 ui-monospace, monospace; margin: 0 0 12px; }
footer { color: var(--muted); font-size: 14px; padding-bottom: 40px; }
`;
