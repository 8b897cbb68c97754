import { htmlEscape } from "escape-goat";

/** Markup that is safe to put in the page as it is. */
export class Html {
  constructor(readonly markup: string) {}
}

type Content = string | number | Html | undefined | readonly Content[];

/** Markup from a template: text is escaped, `Html` is put in as it is, lists are joined, undefined is nothing. */
export function html(strings: TemplateStringsArray, ...contents: Content[]): Html {
  return new Html(strings.map((part, index) => part + render(contents[index])).join(""));
}

/** Trusts a string to be markup: for SVG drawn here and for the style sheet. */
export function trusted(markup: string): Html {
  return new Html(markup);
}

function render(content: Content): string {
  if (content === undefined) return "";
  if (content instanceof Html) return content.markup;
  if (typeof content === "object") return content.map(render).join("");
  return htmlEscape(String(content));
}
