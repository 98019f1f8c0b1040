import { roles, type Role } from "./config.ts";
import type { Payload } from "./payload.ts";
import { challengeHeader, newChallenge, proofHeader, type ProofKeys } from "./proof.ts";
import { ReadFailure, type Answer, type JsonReader } from "./reader.ts";
import { sha256, type Release, type Webhook } from "./release.ts";
import { notYet, statuses, type Finding, type Verdict } from "./verdict.ts";

/** Another gate of the same release, and what is wanted of it. */
export interface Fellow {
  readonly role: Role;
  readonly url: string;
  /** `proof`: that it is this gate. `yes`: also that it says yes. */
  readonly wanted: "proof" | "yes";
}

/** Hooks at which Flagger asks, and a yes lets a release go on. */
const askedAt: readonly string[] = ["pre-rollout", "rollout", "confirm-traffic-increase", "confirm-promotion"];

/**
 * Whom a gate asks when Flagger asks it. Flagger reads only a status, so whatever answers 200 in a gate's place would pass. Before the first
 * traffic each other gate must prove to be one, and those that are asked then, their yes; before the promotion all must prove their yes. At
 * the hooks between nobody is asked: a gate that is away for a tick is no reason for another one's no.
 */
export function fellowsOf(webhooks: readonly Webhook[], own: Role, hook: string | undefined): Fellow[] {
  if (hook !== "pre-rollout" && hook !== "confirm-promotion") return [];
  const found = new Map<string, Fellow>();
  for (const { gate, type, url } of webhooks) {
    const role = roles.find((name) => name === gate);
    if (role === undefined || role === own || !askedAt.includes(type)) continue;
    const key = `${role} ${url}`;
    const yes = hook === "confirm-promotion" || type === "pre-rollout" || found.get(key)?.wanted === "yes";
    found.set(key, { role, url, wanted: yes ? "yes" : "proof" });
  }
  return [...found.values()];
}

/** What the fellows said: what is wrong, who proved what, and the SHA-256 of each answer by `gate/<role>`. */
export interface Heard {
  readonly findings: readonly Finding[];
  readonly good: string;
  readonly inputs: Readonly<Record<string, string>>;
}

type Parts = Readonly<{
  own: Role;
  environment: string;
  keys: ProofKeys;
  reader: JsonReader;
  /** Time that all together have, in milliseconds; shorter than the own decision's. */
  patienceMs: number;
}>;

/** Asks the fellows, all at the same time, and each with a challenge of its own. They ask nobody in turn. */
export async function askFellows(fellows: readonly Fellow[], release: Release, payload: Payload, parts: Parts, signal: AbortSignal): Promise<Heard> {
  const until = AbortSignal.any([signal, AbortSignal.timeout(parts.patienceMs)]);
  const heard = await Promise.all(fellows.map(async (fellow) => await ask(fellow, release, payload, parts, until)));
  const proven = (wanted: Fellow["wanted"]): string => fellows.filter((fellow) => fellow.wanted === wanted).map(({ role }) => role).join(", ");
  const good = [...(proven("yes") === "" ? [] : [`their yes is proven by ${proven("yes")}`]), ...(proven("proof") === "" ? [] : [`their presence by ${proven("proof")}`])];
  return {
    findings: heard.flatMap(({ finding }) => finding ?? []),
    good: good.join(", "),
    inputs: Object.fromEntries(heard.flatMap(({ role, digest }) => (digest === undefined ? [] : [[`gate/${role}`, digest]]))),
  };
}

interface Said {
  readonly role: Role;
  readonly digest?: string;
  readonly finding?: Finding;
}

async function ask({ role, url, wanted }: Fellow, release: Release, payload: Payload, { own, environment, keys, reader }: Parts, signal: AbortSignal): Promise<Said> {
  const address = URL.canParse(url) ? new URL(url) : undefined;
  if (address === undefined || !["http:", "https:"].includes(address.protocol) || address.username !== "" || address.password !== "")
    return { role, finding: notYet(`the address of the ${role} gate in Canary ${release.canary} is no http or https address without credentials`) };
  const challenge = newChallenge();
  const { name, namespace, phase, checksum, metadata } = payload;
  const question = JSON.stringify({ name, namespace, phase, checksum, metadata: { gate: role, hook: metadata["hook"], asker: own } });
  let answer: Answer;
  try {
    answer = await reader.post(address, { "Content-Type": "application/json", [challengeHeader]: challenge }, question, signal);
  } catch (error) {
    if (error instanceof ReadFailure) return { role, finding: notYet(`the ${role} gate (${address.hostname}) ${error.message}`) };
    throw error;
  }
  const reason = answer.bytes.toString("utf8").replace(/\n$/, "");
  const digest = sha256(answer.bytes);
  const outcome = outcomeOf(answer.status);
  const proof = answer.headers[proofHeader.toLowerCase()];
  const claim = outcome === undefined ? undefined : await keys.verify(challenge, { gate: role, environment, namespace, canary: name, outcome, reason }, String(proof ?? ""));
  // What has proven nothing is not quoted: it may be anything, the token of the address included.
  if (claim === undefined) return { role, digest, finding: notYet(`${address.hostname} answered ${answer.status} without proof that it is the ${role} gate: something else answers there, or it has another proof key`) };
  if (wanted === "proof") return { role, digest };
  if (claim.outcome !== "pass") return { role, digest, finding: { outcome: claim.outcome, text: `the ${role} gate says: ${reason.replace(/\.$/, "")}` } };
  if (claim.template !== release.templateDigest) return { role, digest, finding: notYet(`the ${role} gate said yes to another revision (pod template ${claim.template ?? "unread"}) than this gate looked at (${release.templateDigest})`) };
  return { role, digest };
}

function outcomeOf(status: number): Verdict["outcome"] | undefined {
  return (["pass", "no", "not-yet"] as const).find((outcome) => statuses[outcome] === status);
}
