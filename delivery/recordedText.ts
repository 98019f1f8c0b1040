/** Text that is made fit for the ledger, or refused before anything is done. */
import { InvalidArgumentError } from "commander";
import { unfitText } from "../ledger/text.ts";

/** What a cluster said, as a record takes it that stays for ever: one line of at most 500 characters, in which nothing looks like a mail address. */
export function recordedText(text: string): string {
  return text.replace(/\p{Cc}/gu, " ").replaceAll("@", " at ").slice(0, 500).toWellFormed();
}

/** Why a release was taken back, for the record: a person's own words stay as they are, `personsWords` has seen them. */
export const recordedWhy = (cause: string, because: string): string => (cause === "operator" ? because : recordedText(because));

/** A person's words for the record, as an option's parser: what the ledger would not take ends the command before it begins. */
export function personsWords(text: string): string {
  const unfit = unfitText(text);
  if (unfit !== undefined) throw new InvalidArgumentError(`It ${unfit}.`);
  return text;
}
