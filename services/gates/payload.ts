import { z } from "zod";

/** The largest body of a question, in bytes: Flagger's are a few hundred. */
export const maxQuestionBytes = 16 * 1024;
/** The largest body of an event, in bytes: its message holds answers of other gates. */
export const maxEventBytes = 64 * 1024;
/** Deepest nesting: the payload, and the metadata in it. */
const deepest = 2;

const name = z.string().max(253).regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, "must be the name of a Kubernetes object");

/** What Flagger posts. It names neither image nor revision, and its checksum is the previous revision's at confirm-rollout: nothing is decided by it. */
const payloadSchema = z.object({
  name,
  namespace: z.string().max(63).regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, "must be the name of a namespace"),
  phase: z.enum(["", "Initializing", "Initialized", "Waiting", "Progressing", "WaitingPromotion", "Promoting", "Finalising", "Succeeded", "Failed", "Terminating", "Terminated"]),
  checksum: z.string().max(64),
  metadata: z.record(z.string().max(128), z.string().max(32 * 1024)).default({}),
});

/** Flagger's question, or its event. */
export type Payload = Readonly<z.output<typeof payloadSchema>>;

/** A body that is not Flagger's; `problem` says why, without quoting it. */
export type ReadPayload = { readonly payload: Payload } | { readonly problem: string };

/** Reads a body as Flagger's payload. */
export function readPayload(body: Uint8Array): ReadPayload {
  let content: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body);
    if (depthOf(text) > deepest) return { problem: `it is nested deeper than ${deepest} levels` };
    content = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return { problem: "it is not JSON in UTF-8" };
    throw error;
  }
  const parsed = payloadSchema.safeParse(content);
  if (parsed.success) return { payload: parsed.data };
  const [first, ...rest] = parsed.error.issues.map((issue) => (issue.path.length === 0 ? "it must be an object" : `${issue.path.slice(0, 1).map(String).join(".")} is missing or breaks its rule`));
  return { problem: `${first ?? "it breaks a rule"}${rest.length === 0 ? "" : `, and ${rest.length} more`}` };
}

/** How deep the brackets of a JSON text nest, counted before it is parsed, so that a parser never meets a deep one. */
function depthOf(text: string): number {
  let depth = 0;
  let most = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (quoted) {
      if (character === "\\") at += 1;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === "{" || character === "[") most = Math.max(most, ++depth);
    else if (character === "}" || character === "]") depth -= 1;
  }
  return most;
}
