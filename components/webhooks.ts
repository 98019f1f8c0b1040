import * as pulumi from "@pulumi/pulumi";
import { seconds } from "../config/duration.ts";
import type { Objection } from "./invalidArgument.ts";

/**
 * When Flagger asks. `confirm-rollout` is missing on purpose: a "no" there waits for ever instead of failing the release, and a second
 * revision pushed in mid-analysis is never asked for there.
 *
 * - `pre-rollout`: before the first traffic of every revision; a "no" counts as a failed check.
 * - `rollout`: at every tick under traffic; a "no" counts as a failed check.
 * - `confirm-traffic-increase`: before every step; a "no" holds the weight and counts nothing.
 * - `confirm-promotion`: at the last weight; a "no" holds the promotion while all checks go on.
 * - `rollback`: at every tick; here a "yes" (200 to 202) takes the release back, and silence does nothing.
 * - `post-rollout` and `event`: told, not asked.
 */
type HookType = "pre-rollout" | "rollout" | "confirm-traffic-increase" | "confirm-promotion" | "rollback" | "post-rollout" | "event";

/** A service that is asked, or told, while a release runs. */
export interface Gate {
  /** Short name: the hook's, with the hook's type after it where it is asked at several. */
  readonly name: string;
  /** Address that Flagger posts to; from another namespace, so with the gate's own: `http://compliance-service.gates/validate`. */
  readonly url: pulumi.Input<string>;
  /** When it is asked. */
  readonly hooks: readonly HookType[];
  /** Time that it has for one answer: whole seconds or minutes. @default "10s", Flagger's own */
  readonly timeout?: string;
  /** Further attempts after 429, 5xx, silence or a lost connection, with pauses from 1 s that double. @default 0 */
  readonly retries?: number;
  /** Facts that go with every call; Flagger's payload names neither gate nor hook, so `gate` and `hook` are added. @default - none */
  readonly metadata?: Readonly<Record<string, pulumi.Input<string>>>;
}

/** The gates' settings. */
export interface ReleaseGates extends Readonly<Record<"compliance" | "security" | "performance", { readonly timeout: string }>> {
  /** A person's yes before the promotion. @default - not asked */
  readonly approval?: { readonly timeout: string };
  /**
   * What Flagger proves itself by. It can send nothing but the address, so the token stands in the Canary: whoever may read Canaries reads it.
   * Give it as a Pulumi secret: then the state holds it encrypted and no output shows it. @default - none
   */
  readonly token?: pulumi.Input<string>;
}

/** Flagger's own events are recorded in no time, or not at all. */
const recordTimeout = "2s";

/**
 * The gates of a release, in a namespace of theirs, and how long each may take. What can fail a release is asked before its first
 * traffic, and again before its promotion, since a second revision may have come; what needs traffic is asked at every tick; a person's
 * approval holds the promotion. The gates know each other by the hooks' metadata, and ask each other for proof. What Flagger reports goes to a gate's record, for Kubernetes' events lose texts.
 */
export function releaseGates(namespace: pulumi.Input<string>, { approval, token, ...gates }: ReleaseGates): Gate[] {
  const at = (service: string, path: string): pulumi.Output<string> =>
    token === undefined
      ? pulumi.interpolate`http://${service}-service.${namespace}${path}`
      : pulumi.interpolate`http://${service}-service.${namespace}${path}?token=${pulumi.output(token).apply(encodeURIComponent)}`;
  return [
    // First: at the promotion Flagger names the first that does not say yes, and a person's is the one that is waited for.
    ...(approval === undefined ? [] : [{ name: "approval", url: at("approval", "/approve"), hooks: ["confirm-promotion"] as const, ...approval }]),
    {
      name: "compliance",
      url: at("compliance", "/validate"),
      hooks: ["pre-rollout", "confirm-promotion"],
      ...gates.compliance,
    },
    { name: "security", url: at("security", "/scan"), hooks: ["pre-rollout", "confirm-promotion"], ...gates.security },
    { name: "performance", url: at("performance", "/validate"), hooks: ["rollout"], ...gates.performance },
    { name: "record", url: at("compliance", "/event"), hooks: ["event"], timeout: recordTimeout },
  ];
}

/** The Canary's list of webhooks, in the order in which the gates stand. */
export function webhooks(gates: readonly Gate[]): object[] {
  return gates.flatMap((gate) =>
    gate.hooks.map((type) => ({
      name: gate.hooks.length === 1 ? gate.name : `${gate.name}-${type}`,
      type,
      url: gate.url,
      timeout: gate.timeout ?? "10s",
      ...(gate.retries === undefined ? {} : { retries: gate.retries }),
      metadata: { gate: gate.name, hook: type, ...gate.metadata },
    })),
  );
}

/** Hooks that one tick can call one after the other: before the first traffic, and at the last weight. Every tick may report one event. */
const busiestTicks: Readonly<Record<string, readonly HookType[]>> = {
  "before the first traffic": ["rollback", "pre-rollout", "event"],
  "at the last weight": ["rollback", "rollout", "confirm-traffic-increase", "confirm-promotion", "event"],
};

/**
 * What is wrong with the gates, if anything. Flagger calls hooks one after the other inside the tick, so together they must end before the
 * next one; the gates that can fail a release are asked before its first traffic and again before its promotion.
 */
export function objectionsToGates(gates: readonly Gate[], interval: string): Objection[] {
  const objections: Objection[] = [];
  for (const [moment, hooks] of Object.entries(busiestTicks)) {
    const called = gates.flatMap((gate) => gate.hooks.filter((hook) => hooks.includes(hook)).map(() => worstSeconds(gate)));
    const sum = called.reduce((total, time) => total + time, 0);
    if (sum >= seconds(interval)) {
      objections.push({
        path: "gates",
        value: `${sum} s ${moment}`,
        rule: `answered within the interval of ${interval}, all in one tick and with their retries`,
        fix: "Lower timeouts or retries, or lengthen the interval; Flagger skips the ticks that it misses.",
      });
    }
  }
  const names = gates.map((gate) => gate.name);
  for (const name of new Set(names.filter((name, index) => names.indexOf(name) !== index))) {
    objections.push({ path: "gates.name", value: name, rule: "the name of one gate", fix: "Give each gate a name of its own, with all its hooks." });
  }
  for (const gate of gates) {
    if (gate.hooks.length === 0) {
      objections.push({ path: `gates.${gate.name}.hooks`, value: "empty", rule: "at least one hook", fix: "Say when the gate is asked, or leave it out." });
    }
  }
  return objections;
}

/** Longest time that one hook can hold up a tick, in seconds: every attempt's timeout and the doubling pauses between them. */
function worstSeconds(gate: Gate): number {
  const retries = gate.retries ?? 0;
  const pauses = Array.from({ length: retries }, (_, index) => Math.min(2 ** index, 30)).reduce((total, time) => total + time, 0);
  return (retries + 1) * seconds(gate.timeout ?? "10s") + pauses;
}
