/** Where a ConfigMap with signed documents goes, and what is said of it. */
import { replaceFile } from "../ledger/files.ts";
import type { OutputOptions } from "./output.ts";

/** What a signed document says, for people and programs. */
export interface Signed {
  readonly image: string;
  readonly environment: string;
  readonly author: string;
  readonly expires: string;
  /** Id of the key that signed. */
  readonly key: string;
  readonly documents: readonly string[];
  /** Who approves. */
  readonly approver?: string;
  /** Number of the ledger's entry. */
  readonly entry?: number;
}

/** Writes the ConfigMap to its file, or to standard output, which then holds nothing else. */
export function handOut(options: OutputOptions & { readonly out?: string }, map: string, signed: Signed): void {
  if (options.out !== undefined) replaceFile(options.out, map);
  else if (options.json !== true) process.stdout.write(map);
  const target = options.out === undefined ? process.stderr : process.stdout;
  if (options.json === true) process.stdout.write(`${JSON.stringify({ ...signed, ...(options.out === undefined ? { configMap: JSON.parse(map) as unknown } : { file: options.out }) }, null, 2)}\n`);
  else target.write(lines(options.out, signed).map((line) => `${line}\n`).join(""));
}

function lines(out: string | undefined, { image, environment, author, approver, expires, key, documents, entry }: Signed): string[] {
  return [
    `Signed ${documents.join(", ")} about ${image} for ${environment}${out === undefined ? "" : `: ${out}`}.`,
    `  author   ${author}`,
    ...(approver === undefined ? [] : [`  approver ${approver}`]),
    `  key      ${key}`,
    `  until    ${expires}`,
    ...(entry === undefined ? [] : [`  ledger   entry ${entry}`]),
    ...(out === undefined ? [] : [`  next     kubectl apply --server-side --field-manager=delivery-${approver === undefined ? "evidence" : "approval"} --filename ${out}`]),
  ];
}
