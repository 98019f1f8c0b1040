/** People by pseudonym, where files and Git name them. */
import { execFileSync } from "node:child_process";
import { pseudonymFor, readPeople } from "../ledger/pseudonyms.ts";
import { DeliveryError } from "./deliveryError.ts";
import { exitCodes } from "./exitCodes.ts";

/**
 * The pseudonym of somebody whom a file names: one that is a pseudonym already stays; a mail address is that of whom Git knows by it.
 * @param people the file that says who is behind a pseudonym
 */
export function pseudonymOfNamed(people: string, name: string): string {
  if (/^p-[0-9a-f]{32}$/.test(name)) return name;
  const address = name.toLowerCase();
  const known = readPeople(people).find(({ identity }) => identity.toLowerCase() === address || identity.toLowerCase().includes(`<${address}>`));
  return known?.pseudonym ?? pseudonymFor(people, "git", name);
}

/**
 * The pseudonym of who wrote a commit.
 * @param commit its id, or what Git takes for one
 * @throws DeliveryError `usage` when Git knows no such commit
 */
export function authorOfCommit(people: string, cwd: string, commit: string): string {
  try {
    const identity = execFileSync("git", ["log", "-1", "--format=%an <%ae>", commit, "--"], { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    return pseudonymFor(people, "git", identity);
  } catch (cause) {
    throw new DeliveryError(exitCodes.usage, `Git knows no commit ${commit} here, so nobody knows who wrote the release.`, "Name the commit with --commit, or its author's pseudonym with --author.", { cause });
  }
}
