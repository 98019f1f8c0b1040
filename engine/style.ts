/** Colours, where they are wanted. */
import { styleText } from "node:util";

/** What a piece of text means; each meaning has one look. */
export type Meaning =
  | "create"
  | "update"
  | "replace"
  | "delete"
  | "read"
  | "strong"
  | "faint"
  | "bad"
  | "warn"
  | "good";
export type Style = (meaning: Meaning, text: string) => string;

const looks = {
  create: "green",
  update: "yellow",
  replace: "magenta",
  delete: "red",
  read: "cyan",
  strong: "bold",
  faint: "dim",
  bad: "red",
  warn: "yellow",
  good: "green",
} as const;

/** A style that colours, or one that leaves text as it is. */
export function makeStyle(colours: boolean): Style {
  if (!colours) return (_meaning, text) => text;
  return (meaning, text) => styleText(looks[meaning], text, { validateStream: false });
}

/** Colours on a terminal, unless NO_COLOR is set to anything or TERM is dumb; FORCE_COLOR wants them everywhere. */
export function wantsColours(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  if (env["NO_COLOR"] !== undefined && env["NO_COLOR"] !== "") return false;
  if (env["FORCE_COLOR"] !== undefined && env["FORCE_COLOR"] !== "0") return true;
  return stream.isTTY === true && env["TERM"] !== "dumb";
}
