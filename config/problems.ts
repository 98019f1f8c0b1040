/** One thing that is wrong with a stack's configuration. */
export interface Problem {
  /** The key as its author typed it: `rlhf-audit-trail:canary.stepWeight`. */
  readonly key: string;
  /** The value as JSON, `[secret]`, or that there is none. */
  readonly value: string;
  /** What has to hold. */
  readonly rule: string;
  /** What to do about it. */
  readonly fix: string;
}

/** Everything that is wrong with one stack's configuration, at once. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly Problem[];

  /**
   * @param stack name of the stack
   * @param problems at least one
   */
  constructor(stack: string, problems: readonly Problem[]) {
    const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
    const list = problems.map((problem, index) => {
      const number = `${index + 1}.`.padStart(4);
      return `${number} ${problem.key}\n       value: ${problem.value}\n       rule:  ${problem.rule}\n       fix:   ${problem.fix}`;
    });
    super(
      `The configuration of stack ${JSON.stringify(stack)} has ${count}; nothing was changed.\n\n${list.join("\n\n")}\n`,
    );
    this.problems = problems;
  }
}

const longest = 160;

/** Shows a value on one line: as JSON, shortened, and without the password of an address. */
export function showValue(value: unknown): string {
  if (value === undefined) return "not set";
  const text = JSON.stringify(value).replaceAll(/(:\/\/[^\s/:@"]*):[^\s/@"]+@/g, "$1:[hidden]@");
  return text.length > longest ? `${text.slice(0, longest)}… (${text.length} characters)` : text;
}

/**
 * Writes the command that sets a key.
 * @param path members of the key; a nested one needs `--path`
 * @param value a valid value, or undefined to show that one is to be put there
 */
export function setCommand(key: string, nested: boolean, secret: boolean, value: unknown): string {
  const options = `${nested ? "--path " : ""}${secret ? "--secret " : ""}`;
  const text = value === undefined ? "<value>" : typeof value === "string" ? value : JSON.stringify(value);
  const quoted = (word: string) =>
    /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
  return `pulumi config set ${options}${quoted(key)} ${quoted(text)}`;
}
