import type { ParsedConfig } from "./schema.ts";

/** What a rule may ask beside the configuration. */
export interface RuleContext {
  /** The Pulumi stack's name. */
  readonly stack: string;
  /** Whether the stack is held to the strict rules: everything but `local`. */
  readonly strict: boolean;
  /**
   * Text that rests on values of other keys, for a message. Where one of these keys is a secret, it is `[secret]`.
   * @param keys dotted keys that the text gives away
   */
  readonly reveal: (text: string | number, ...keys: string[]) => string;
}

/** What a rule found: the key to blame, what has to hold, what to do. */
export interface Violation {
  /** Dotted key, such as `canary.stepWeight`. */
  readonly key: string;
  /** Completes "must be …". */
  readonly rule: string;
  /** A sentence, or a value that would do. */
  readonly fix: string | { readonly set: unknown };
}

/** A rule over several keys. It is asked only when all of them are valid by themselves. */
export interface Rule {
  /** The rule in one sentence, for the docs. */
  readonly summary: string;
  /** Dotted keys that the rule reads; a key stands for everything below it. */
  readonly reads: readonly string[];
  readonly check: (config: ParsedConfig, context: RuleContext) => readonly Violation[];
}
