/**
 * The fenced ```ts blocks of a Markdown text: the line of the file at which the code starts, the code, and whether
 * the fence asks for no check (`no-check`), or for a check and no run (`no-run`). A fence may be indented, as in a list.
 */
export function readSnippets(text) {
  const snippets = [];
  const lines = text.split(/\r?\n/);
  for (let i = 0; i < lines.length; i++) {
    const fence = /^(\s*)(`{3,})\s*(\S*)\s*(.*)$/.exec(lines[i]);
    if (!fence) continue;
    const [, indent, ticks, language, rest] = fence;
    const begin = i + 1;
    do i++;
    while (i < lines.length && !(lines[i].trim().startsWith(ticks) && /^\s*`+\s*$/.test(lines[i])));
    if (language !== "ts" && language !== "typescript") continue;
    const code = lines
      .slice(begin, i)
      .map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line));
    const checked = !/\bno-check\b/.test(rest);
    snippets.push({
      line: begin + 1,
      code: code.join("\n"),
      checked,
      run: checked && !/\bno-run\b/.test(rest),
    });
  }
  return snippets;
}
