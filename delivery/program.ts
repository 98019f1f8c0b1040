/** The command line: the list of commands, and how one of them is loaded and run. */
import { Command } from "commander";

/** A file under `commands/`. */
interface CommandModule {
  /**
   * Declares arguments, options, examples and the action of a command whose name and summary stand in the list.
   * @param whole the program with all commands loaded
   */
  define(command: Command, whole: () => Promise<Command>): void;
}

interface Listed {
  /** Its words, e.g. `ledger verify`. */
  readonly path: string;
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

/** Every command: one line here, one file under `commands/`. */
const commands: readonly Listed[] = [
  { path: "release", summary: "release an image, watch it, and take it back when it does not hold", load: () => import("./commands/release.ts") },
  { path: "rollback", summary: "give the traffic back to the version before", load: () => import("./commands/rollback.ts") },
  { path: "promote", summary: "release on one stack what another one has proven", load: () => import("./commands/promote.ts") },
  { path: "freeze", summary: "stop releases of a stack for a time, or let them on again", load: () => import("./commands/freeze.ts") },
  { path: "status", summary: "which version has the traffic, and how its last release stands", load: () => import("./commands/status.ts") },
  { path: "watch", summary: "follow a release that somebody else makes", load: () => import("./commands/watch.ts") },
  { path: "history", summary: "what was released, when, by whom, and how it ended", load: () => import("./commands/history.ts") },
  { path: "metrics", summary: "DORA's five measures, against the project's targets", load: () => import("./commands/metrics.ts") },
  { path: "evidence", summary: "sign what is known about an image, for the gates", load: () => import("./commands/evidence.ts") },
  { path: "approve", summary: "sign a yes to one image in one environment", load: () => import("./commands/approve.ts") },
  { path: "keygen", summary: "make the pair of keys that signs evidence or approvals", load: () => import("./commands/keygen.ts") },
  { path: "ledger verify", summary: "prove that the record is whole and was not changed", load: () => import("./commands/ledgerVerify.ts") },
  { path: "ledger proof", summary: "make a proof that an entry is in the ledger, or that it continues an older checkpoint", load: () => import("./commands/ledgerProof.ts") },
  { path: "ledger verify-proof", summary: "verify such a proof, without the ledger", load: () => import("./commands/ledgerVerifyProof.ts") },
  { path: "ledger keygen", summary: "make the pair of keys that signs a ledger", load: () => import("./commands/ledgerKeygen.ts") },
  { path: "ledger init", summary: "begin an empty ledger", load: () => import("./commands/ledgerInit.ts") },
  { path: "ledger mirror", summary: "copy the ledger to where others can hold it against you", load: () => import("./commands/ledgerMirror.ts") },
  { path: "ledger forget", summary: "erase who is behind a pseudonym", load: () => import("./commands/ledgerForget.ts") },
  { path: "completion", summary: "print a completion script for bash, zsh or fish", load: () => import("./commands/completion.ts") },
];

const groups: Readonly<Record<string, string>> = { ledger: "the record of releases: verify it, prove it" };

/**
 * Builds the program.
 * @param args the words after the program's name; only the command they name is loaded
 * @param all load every command, to know every option
 */
export async function buildProgram(args: readonly string[], all = false): Promise<Command> {
  const program = new Command("delivery")
    .description("Releases that take themselves back, and a record that cannot be rewritten.")
    .showHelpAfterError("Run with --help for what there is.")
    .exitOverride()
    .addHelpText("after", "\nExamples:\n  $ delivery history --stack production\n  $ delivery ledger verify .delivery/ledger --key ledger.pub\n\nExit statuses: docs/delivery.md.");
  for (const listed of commands) {
    const words = listed.path.split(" ");
    const name = words.at(-1) ?? "";
    const parent = words.length === 1 ? program : groupOf(program, words[0] ?? "");
    const command = parent.command(name).summary(listed.summary).description(`${listed.summary.charAt(0).toUpperCase()}${listed.summary.slice(1)}.`).option("--json", "print one JSON document");
    if (all || words.every((word, at) => args[at] === word)) (await listed.load()).define(command, async () => await buildProgram([], true));
  }
  return program;
}

function groupOf(program: Command, name: string): Command {
  return program.commands.find((command) => command.name() === name) ?? program.command(name).description(groups[name] ?? "");
}
