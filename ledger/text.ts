/** What free text may be in an entry. Needs no parser, so that a command can ask before it does anything. */
const longest = 500;
const address = /[^\s@]@[^\s@]+\.[^\s@]/;

/** What is wrong with a text for the record, or undefined: 1 to 500 characters on one line; nothing that looks like an e-mail address. */
export function unfitText(value: string): string | undefined {
  if (value === "" || value.length > longest) return `must be 1 to ${longest} characters, and is ${value.length}`;
  if (!value.isWellFormed() || /\p{Cc}/u.test(value)) return "must be one line of well-formed text";
  if (address.test(value)) return "holds what looks like an e-mail address: entries stay for ever, so say it without one";
  return undefined;
}
