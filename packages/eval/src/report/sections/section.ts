import { type Html, html } from "../html.js";

/** A part of the page with its place in the list of contents. */
export interface Section {
  id: string;
  title: string;
  content: Html;
}

/** Title, a sentence or two on how to read it, then what it shows. */
export function section(id: string, title: string, how: string, body: Html): Section {
  const content = html`<section id="${id}"><h2>${title}</h2><p class="how">${how}</p>${body}</section>`;
  return { id, title, content };
}

/** A table of names and values. */
export function factTable(rows: readonly (readonly [name: string, value: string])[]): Html {
  return html`<table class="settings"><tbody>${rows.map(
    ([name, value]) => html`<tr><th scope="row">${name}</th><td>${value}</td></tr>`,
  )}</tbody></table>`;
}
