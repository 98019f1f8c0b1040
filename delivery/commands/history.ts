import { type Command, InvalidArgumentError } from "commander";
import type { Entry } from "../../ledger/schema.ts";
import { readPeople } from "../../ledger/pseudonyms.ts";
import { peopleOption, type ReadOptions, readOptions } from "../ledgerOptions.ts";
import { columns, duration, type OutputOptions, show } from "../output.ts";
import { readLedger } from "../readLedger.ts";
import type { Release } from "../releases.ts";
import { unknownRelease } from "../unknownRelease.ts";

interface Options extends OutputOptions, ReadOptions {
  readonly stack?: string;
  readonly limit: number;
  readonly people: string;
}

export function define(command: Command): void {
  peopleOption(readOptions(command.argument("[release]", "id of a release: show its entries")))
    .option("--stack <name>", "of one stack only")
    .option("--limit <count>", "at most so many releases, the newest", positive, 20)
    .addHelpText("after", "\nExamples:\n  $ delivery history --stack production --limit 5\n  $ delivery history r-20261124-001500-ab12 --json")
    .action((id: string | undefined, options: Options) => {
      const entries: Entry[] = [];
      const { verified, releases } = readLedger(options, id === undefined ? undefined : (entry) => { if (entry.release === id) entries.push(entry); });
      const whole = `Verified: ${verified.checkpoint.size} entries of ${verified.checkpoint.origin}.`;
      if (id === undefined) {
        const shown = releases.filter((release) => options.stack === undefined || release.stack === options.stack).slice(-options.limit).reverse();
        show(options, { releases: shown }, () => [...table(shown, names(options.people)), "", whole]);
        return;
      }
      if (entries.length === 0) throw unknownRelease(id, releases);
      show(options, { release: releases.find((release) => release.id === id), entries }, () => [...story(entries, names(options.people)), "", whole]);
    });
}

function table(releases: readonly Release[], nameOf: (pseudonym: string) => string): string[] {
  if (releases.length === 0) return ["No releases."];
  const rows = releases.map((release) => {
    const end = release.restored ?? release.promoted;
    return [
      String(release.number),
      release.id,
      release.stack,
      release.started,
      release.outcome,
      end === undefined ? "-" : duration((Date.parse(end) - Date.parse(release.started)) / 1000),
      release.image.slice("sha256:".length, "sha256:".length + 12),
      release.who.map(nameOf).join(", ") || "-",
      release.why ?? "",
    ];
  });
  return columns([["N", "RELEASE", "STACK", "STARTED", "OUTCOME", "TOOK", "IMAGE", "WHO", "WHY"], ...rows]);
}

function story(entries: readonly Entry[], nameOf: (pseudonym: string) => string): string[] {
  return columns(
    entries.map((entry) => [
      `#${entry.seq}`,
      entry.when,
      entry.kind,
      [entry.who.git, entry.who.ci].filter((id) => id !== undefined).map(nameOf).join(", ") || "-",
      `${Object.entries(entry.data).map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`).join(" ")}${entry.why === undefined ? "" : `  ${entry.why}`}`,
    ]),
  );
}

/** Names for pseudonyms, where the file of people is at hand and knows them. */
function names(path: string): (pseudonym: string) => string {
  const known = new Map(readPeople(path).map((person) => [person.pseudonym, person.identity]));
  return (pseudonym) => known.get(pseudonym) ?? pseudonym.slice(0, 10);
}

function positive(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("must be a whole number from 1.");
  return Number(text);
}
