import { type Command, InvalidArgumentError } from "commander";
import { completionScript, shells, type Shell } from "../completion.ts";
import { type OutputOptions, show } from "../output.ts";

export function define(command: Command, whole: () => Promise<Command>): void {
  command
    .argument("<shell>", shells.join(", "), shellName)
    .addHelpText("after", "\nExamples:\n  $ source <(delivery completion bash)\n  $ delivery completion zsh > ~/.zfunc/_delivery\n  $ delivery completion fish > ~/.config/fish/completions/delivery.fish")
    .action(async (shell: Shell, options: OutputOptions) => {
      const script = completionScript(shell, await whole());
      show(options, { shell, script }, () => [script]);
    });
}

function shellName(text: string): Shell {
  const shell = shells.find((each) => each === text);
  if (shell === undefined) throw new InvalidArgumentError(`must be ${shells.join(", ")}.`);
  return shell;
}
