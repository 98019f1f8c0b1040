import { type Command, InvalidArgumentError, Option } from "commander";
import { defaultLedger, peopleOption, signingKeyOption } from "../ledgerOptions.ts";
import type { OutputOptions } from "../output.ts";
import { personsWords } from "../recordedText.ts";

interface Options extends OutputOptions {
  readonly stack: string;
  readonly until?: string;
  readonly end: boolean;
  readonly why: string;
  readonly ledger: string;
  readonly signingKey: string;
  readonly people: string;
}

export function define(command: Command): void {
  peopleOption(signingKeyOption(command))
    .requiredOption("-s, --stack <name>", "the stack")
    .addOption(new Option("--ledger <folder>", "the ledger that says so").env("DELIVERY_LEDGER").default(defaultLedger))
    .requiredOption("--why <text>", "why, for who is stopped by it; no names", personsWords)
    .option("--until <time>", "when it ends by itself, RFC 3339 (default: when it is ended)", moment)
    .option("--end", "end the freeze that was begun", false)
    .addHelpText("after", "\nExamples:\n  $ delivery freeze --stack production --why 'an audit is under way' --until 2026-12-01T08:00:00Z\n  $ delivery freeze --stack production --end --why 'the audit is over'\n\nPlanned freezes stand in the stack's configuration (`freezes`). Roll-backs are always allowed.")
    .action(async (options: Options) => {
      const [{ openRecorder }, { show }] = await Promise.all([import("../recorder.ts"), import("../output.ts")]);
      const { stack, until, end, why } = options;
      const recorder = openRecorder({ ...options, optional: false, cwd: ".", env: process.env, command: `freeze --stack ${stack}` }, () => undefined);
      recorder.noteStack({ kind: "freeze", why, data: { state: end ? "ended" : "begun", ...(until !== undefined && !end && { until }) } });
      show(options, { stack, state: end ? "ended" : "begun", until: until ?? null, why }, () => [end ? `Stack ${stack} is no longer frozen by command.` : `Stack ${stack} is frozen ${until === undefined ? "until somebody ends it" : `until ${until}`}: ${why}`]);
    });
}

function moment(text: string): string {
  const time = Date.parse(text);
  if (Number.isNaN(time) || !/^\d{4}-\d\d-\d\dT/.test(text)) throw new InvalidArgumentError("must be a time such as 2026-12-01T08:00:00Z.");
  return new Date(time).toISOString();
}
