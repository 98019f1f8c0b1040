/** Completion scripts, written from the commands and options that there are. */
import type { Command } from "commander";

/** Shells with a script. */
export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

interface Known {
  /** The command's words without the program's, e.g. `ledger verify`; empty for the program. */
  readonly path: string;
  /** What may follow: subcommands with their summaries. */
  readonly words: readonly (readonly [string, string])[];
  readonly options: readonly (readonly [string, string])[];
}

/** The script that makes `shell` complete `program`, whose commands must all be loaded. */
export function completionScript(shell: Shell, program: Command): string {
  const known = collect(program, "");
  if (shell === "bash") return bash(known);
  return shell === "zsh" ? zsh(known) : fish(known);
}

function collect(command: Command, path: string): readonly Known[] {
  const own: Known = {
    path,
    words: command.commands.map((each) => [each.name(), each.summary() || each.description()] as const),
    options: [...command.options.map((option) => [option.long ?? "", option.description] as const), ["--help", "show help"] as const],
  };
  return [own, ...command.commands.flatMap((each) => collect(each, path === "" ? each.name() : `${path} ${each.name()}`))];
}

const wordsOf = ({ words, options }: Known): string => [...words, ...options].map(([word]) => word).join(" ");

/** Finds the command in the words before the cursor, then offers what follows it; where that is nothing, files. */
function bash(known: readonly Known[]): string {
  return `_delivery() {
  local path="" word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case "\${path:+$path }$word" in
${known.filter(({ path }) => path !== "").map(({ path }) => `      "${path}") path="${path}" ;;`).join("\n")}
    esac
  done
  local words=""
  case "$path" in
${known.map((each) => `    "${each.path}") words="${wordsOf(each)}" ;;`).join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _delivery delivery`;
}

function zsh(known: readonly Known[]): string {
  return `#compdef delivery
_delivery() {
  local at="" word
  for word in \${words[2,CURRENT-1]}; do
    case "\${at:+$at }$word" in
${known.filter(({ path }) => path !== "").map(({ path }) => `      "${path}") at="${path}" ;;`).join("\n")}
    esac
  done
  local -a offers
  case "$at" in
${known.map(({ path, words, options }) => `    "${path}") offers=(${[...words, ...options].map(([word, summary]) => quoted(`${word}:${summary}`)).join(" ")}) ;;`).join("\n")}
  esac
  _describe delivery offers || _files
}
compdef _delivery delivery`;
}

function fish(known: readonly Known[]): string {
  return known
    .flatMap(({ path, words, options }) => {
      const condition = path === "" ? "__fish_use_subcommand" : path.split(" ").map((word) => `__fish_seen_subcommand_from ${word}`).join("; and ");
      return [
        ...words.map(([word, summary]) => `complete -c delivery -f -n ${quoted(condition)} -a ${word} -d ${quoted(summary)}`),
        ...options.map(([option, summary]) => `complete -c delivery -n ${quoted(condition)} -l ${option.replace(/^--/, "")} -d ${quoted(summary)}`),
      ];
    })
    .join("\n");
}

const quoted = (text: string): string => `'${text.replaceAll("'", "’")}'`;
