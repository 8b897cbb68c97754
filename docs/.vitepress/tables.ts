// Each table in a box of its own, so that style.css can say how narrow it may get before the box scrolls.
import type { MarkdownOptions } from "vitepress";

export const tablesInBoxes: NonNullable<MarkdownOptions["config"]> = ({ renderer }) => {
  const { table_open: open } = renderer.rules;
  renderer.rules.table_open = (tokens, index, options, env, self) =>
    `<div class="table-box">${open?.(tokens, index, options, env, self) ?? self.renderToken(tokens, index, options)}`;
  renderer.rules.table_close = (tokens, index, options, _, self) =>
    `${self.renderToken(tokens, index, options)}</div>`;
};
