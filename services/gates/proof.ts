import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Role } from "./config.ts";
import { parseSecrets } from "./token.ts";
import type { Verdict } from "./verdict.ts";
import { WatchedFile } from "./watched-file.ts";

/** With the first a gate asks another for proof, in the second it is given: `<digest of the pod template, or unread> <HMAC by each key>`. */
export const challengeHeader = "Gate-Challenge";
export const proofHeader = "Gate-Proof";

/** What a gate vouches for when another asks it: who it is, and what it says about which revision of whose release. */
export interface Claim extends Pick<Verdict, "outcome" | "reason"> {
  readonly gate: Role;
  readonly environment: string;
  readonly namespace: string;
  readonly canary: string;
  /** Digest of the pod template that was looked at; undefined where none could be read. */
  readonly template: string | undefined;
}

/** Where a stack of one machine has no file of keys. Everybody knows it: it tells mistakes, not malice. */
const wellKnown = ["what answers by this key is a gate by mistake at worst"];
const unread = "unread";

/** A challenge that nobody has seen before. */
export const newChallenge = (): string => randomBytes(24).toString("base64url");

export function isChallenge(text: string): boolean {
  return /^[A-Za-z0-9_-]{32,64}$/.test(text);
}

/** The keys by which the gates of one stack know each other. Unlike Flagger's token they are never sent: whoever is asked in a gate's place does not learn them. */
export class ProofKeys {
  readonly #keys: () => Promise<readonly string[]>;

  /** @param path file with one or two keys, one a line; undefined for the well-known one */
  constructor(path: string | undefined) {
    const file = path === undefined ? undefined : new WatchedFile(path, (text) => parseSecrets(text, "file of proof keys"));
    this.#keys = async () => (file === undefined ? wellKnown : await file.get());
  }

  /** @throws when the file cannot be used. */
  async prepare(): Promise<void> {
    await this.#keys();
  }

  /** The proof of a claim, by every key: whoever knows one of them only, as while a new one is handed out, can verify it. @throws when the file cannot be used. */
  async prove(challenge: string, claim: Claim): Promise<string> {
    const keys = await this.#keys();
    return [claim.template ?? unread, ...keys.map((key) => mac(key, challenge, claim))].join(" ");
  }

  /**
   * The claim that a proof stands for, with the revision that it names; undefined where it proves nothing.
   * @throws when the file cannot be used.
   */
  async verify(challenge: string, claim: Omit<Claim, "template">, proof: string): Promise<Claim | undefined> {
    const keys = await this.#keys();
    const [named = "", ...macs] = proof.split(" ");
    if (!/^(unread|sha256:[0-9a-f]{64})$/.test(named) || macs.length > 2) return undefined;
    const whole: Claim = { ...claim, template: named === unread ? undefined : named };
    const wanted = keys.map((key) => Buffer.from(mac(key, challenge, whole)));
    const given = macs.map((text) => Buffer.from(text));
    return wanted.some((one) => given.some((other) => one.length === other.length && timingSafeEqual(one, other))) ? whole : undefined;
  }
}

function mac(key: string, challenge: string, { gate, environment, namespace, canary, template, outcome, reason }: Claim): string {
  return createHmac("sha256", key).update(JSON.stringify(["gate-proof/1", challenge, gate, environment, namespace, canary, template ?? null, outcome, reason])).digest("hex");
}
