/** HTML in which every value is escaped, unless it is HTML already. */

/** Text that is HTML. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in a template. */
export type Part = Markup | string | number | undefined | readonly Part[];

/** A template whose values are escaped; lists are joined, and what is undefined is left out. */
export function html(strings: TemplateStringsArray, ...values: readonly Part[]): Markup {
  return new Markup(strings.reduce((text, string, index) => text + textOf(values[index - 1]) + string));
}

/** A table whose cells also carry their heads, for narrow screens. */
export function table(heads: readonly string[], rows: readonly (readonly Part[])[]): Markup {
  return html`<table><thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead><tbody>${rows.map((row) => html`<tr>${row.map((cell, index) => html`<td data-label="${heads[index]}">${cell}</td>`)}</tr>`)}</tbody></table>`;
}

function textOf(part: Part): string {
  if (part === undefined) return "";
  if (part instanceof Markup) return part.text;
  if (typeof part === "object") return part.map(textOf).join("");
  return String(part).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;").replace(/'/g, "&#39;");
}
