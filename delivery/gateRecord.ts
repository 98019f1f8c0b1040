/** The gates' own words on a release, from their record: Flagger drops a gate's reason at the promotion, and Kubernetes drops events. */
import { z } from "zod";
import type { ApiClient } from "../engine/kubernetes/client.ts";
import { type KubernetesObject, listAt, mapAt, objectPath, textAt } from "./kubernetes.ts";
import { recordedText } from "./recordedText.ts";
import type { Note } from "./releaseContext.ts";

const lineSchema = z.object({
  record: z.object({
    kind: z.literal("gate-verdict"),
    time: z.string(),
    gate: z.string(),
    outcome: z.enum(["pass", "no", "not-yet"]),
    reason: z.string(),
    canary: z.string(),
    namespace: z.string(),
    hook: z.string().nullable(),
    /** Absent in records of gates that did not ask each other yet. */
    asker: z.string().default("flagger"),
    images: z.array(z.string()),
    template: z.string().nullable(),
    inputs: z.record(z.string(), z.string()),
  }),
});

/** What a gate said last when Flagger asked it at one hook. */
export type GateWord = Readonly<Pick<z.output<typeof lineSchema>["record"], "time" | "gate" | "hook" | "outcome" | "reason" | "template" | "inputs">>;

/** The gates' last words, the latest first, or why they can't be read. */
export interface GateRecord {
  readonly words: readonly GateWord[];
  readonly unread?: string;
}

/** Most pods that are asked, lines and bytes of each, and milliseconds for all. */
const bounds = { pods: 32, tailLines: "2000", limitBytes: String(4 * 1024 * 1024), timeMs: 15_000 } as const;

/**
 * Reads from the gates' pods what they said about an image, with the rights of whoever asks: `list` on pods and `get` on their logs where the gates run.
 * @param image digest, `sha256:…`
 */
export async function readGateRecord(client: ApiClient, canary: KubernetesObject, image: string, signal: AbortSignal): Promise<GateRecord> {
  const until = AbortSignal.any([signal, AbortSignal.timeout(bounds.timeMs)]);
  const [name, namespace] = [textAt(canary, "metadata", "name"), textAt(canary, "metadata", "namespace")];
  try {
    const live = await client.request("GET", objectPath(canary.apiVersion, "canaries", namespace, name), { signal: until });
    const homes = homesOf(listAt(live, "spec", "analysis", "webhooks"), namespace);
    const texts = await Promise.all(homes.map(async (home) => await logsOf(client, home, until)));
    if (homes.length > 0 && texts.flat().length === 0) return { words: [], unread: `no pod of a gate is in namespace ${homes.join(", ")} (label app.kubernetes.io/component=gate)` };
    return { words: lastWords(texts.flat(), { namespace, name, image }) };
  } catch (error) {
    signal.throwIfAborted();
    return { words: [], unread: `the gates' record can't be read: ${(error instanceof Error ? error.message : String(error)).split("\n")[0] ?? ""}` };
  }
}

/** Namespaces of the hooks that name a gate; a host without one is in the Canary's own. */
function homesOf(webhooks: readonly Parameters<typeof textAt>[0][], own: string): string[] {
  const hosts = webhooks.filter((hook) => textAt(hook, "metadata", "gate") !== "").map((hook) => textAt(hook, "url")).filter((url) => URL.canParse(url)).map((url) => new URL(url).hostname);
  return [...new Set(hosts.map((host) => host.split(".")[1] ?? own))];
}

async function logsOf(client: ApiClient, namespace: string, signal: AbortSignal): Promise<string[]> {
  const pods = listAt(await client.request("GET", objectPath("v1", "pods", namespace, ""), { query: { labelSelector: "app.kubernetes.io/component=gate" }, signal }), "items");
  const started = pods.filter((pod) => listAt(pod, "status", "containerStatuses").some((status) => Object.keys(mapAt(status, "state", "waiting")).length === 0));
  return await Promise.all(
    started.slice(0, bounds.pods).map(async (pod) => {
      const container = textAt(listAt(pod, "spec", "containers")[0], "name");
      return await client.text("GET", `${objectPath("v1", "pods", namespace, textAt(pod, "metadata", "name"))}/log`, { query: { container, tailLines: bounds.tailLines, limitBytes: bounds.limitBytes }, signal });
    }),
  );
}

/** The last word of each gate at each hook on one image of one Canary, the latest first. Lines of logs that are none of the record's are passed over. */
export function lastWords(logs: readonly string[], of: { readonly namespace: string; readonly name: string; readonly image: string }): GateWord[] {
  const last = new Map<string, GateWord>();
  for (const line of logs.flatMap((log) => log.split("\n"))) {
    const word = parsed(line);
    if (word === undefined || word.asker !== "flagger" || word.namespace !== of.namespace || word.canary !== of.name || !word.images.includes(of.image)) continue;
    const key = `${word.gate} ${word.hook ?? ""}`;
    const { time, gate, hook, outcome, reason, template, inputs } = word;
    if ((last.get(key)?.time ?? "") <= time) last.set(key, { time, gate, hook, outcome, reason, template, inputs });
  }
  return [...last.values()].sort((one, other) => (one.time < other.time ? 1 : -1));
}

function parsed(line: string): z.output<typeof lineSchema>["record"] | undefined {
  if (!line.includes('"gate-verdict"')) return undefined;
  try {
    return lineSchema.parse(JSON.parse(line)).record;
  } catch {
    return undefined; // a line that was cut at the log's bound, or another program's
  }
}

/** One line for each gate and hook; or why there is none. */
export function gateLines({ words, unread }: GateRecord): string[] {
  const said = { pass: "yes", no: "no", "not-yet": "not yet" } as const;
  return [...words.map(({ time, gate, hook, outcome, reason }) => `${time}  ${gate} at ${hook ?? "no hook"}: ${said[outcome]}: ${reason}`), ...(unread === undefined ? [] : [unread])];
}

/** The words for the ledger, with the digests of what each was made from. */
export function gateNotes({ words }: GateRecord, image: string): Note[] {
  const verdicts = { pass: "pass", no: "fail", "not-yet": "cannot-judge" } as const;
  return words.toReversed().map(({ time, gate, hook, outcome, reason, template, inputs }) => ({
    kind: "gate-verdict",
    what: { image },
    why: recordedText(`${time} at ${hook ?? "no hook"}: ${reason}`),
    evidence: [...(template === null ? [] : [{ name: "pod-template", digest: template }]), ...Object.entries(inputs).map(([name, digest]) => ({ name: evidenceName(name), digest }))].slice(0, 100),
    data: { gate, verdict: verdicts[outcome], findings: outcome === "pass" ? 0 : 1, waived: 0 },
  }));
}

/** `sha256:…/evidence.dsse.json` is told apart by its digest; the rest becomes a name that the ledger takes. */
function evidenceName(input: string): string {
  return input.replace(/^sha256:[0-9a-f]{64}\//, "").toLowerCase().replace(/[^a-z0-9.-]/g, "-").replace(/^[^a-z0-9]+/, "").slice(0, 100) || "input";
}
