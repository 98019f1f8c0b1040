/** What a cluster said, as a record takes it that stays for ever: one line of at most 500 characters, in which nothing looks like a mail address. */
export function recordedText(text: string): string {
  return text.replace(/\p{Cc}/gu, " ").replaceAll("@", " at ").slice(0, 500).toWellFormed();
}

/** Why a release was taken back, for the record: a person's own words are theirs to mend, and the ledger says what is wrong with them. */
export const recordedWhy = (cause: string, because: string): string => (cause === "operator" ? because.slice(0, 500) : recordedText(because));
