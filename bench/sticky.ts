/** A release under weights that keeps whoever met the new version on it, by a cookie. Of the load's clients, those with a kept connection keep cookies, and the others have none. */
import { digestOf } from "../delivery/image.ts";
import type { CanaryScene, Outcome } from "./canaryScene.ts";
import type { CanaryWish } from "./canaryStack.ts";
import { type Answer, monotonicMs } from "./switchRequests.ts";

/** What came of it. */
interface Sticky {
  outcome: Outcome;
  /** Clients that had met the new version by the verdict, of those that keep cookies. */
  met: number;
  clients: number;
  /** Their later requests, from when all proxies knew of the route until it was divided no more; and when the old version answered one, in words. */
  later: number;
  strays: string[];
  /** Requests of clients without cookies at the highest weight, and those of them that the new version answered. */
  others: number;
  fresh: number;
  /** The cookies that were set, each once, without their values. */
  cookies: string[];
}

/** The proxies learn of the route one after the other; one that does not yet know the cookie divides its requests by weight. */
const learnedMs = 2_000;

/** The scene must have begun with `cookies`. */
export async function sticky(scene: CanaryScene, wish: CanaryWish): Promise<Sticky> {
  const { watch, load } = scene;
  if (load === undefined) throw new Error("the scene has not begun");
  const digest = digestOf(wish.image);
  const [from, weights, phases] = [load.answers.length, watch.weights.length, watch.phases.length];
  const outcome = await scene.release({ ...wish, keys: { ...wish.keys, "traffic.kind": "weights", "traffic.sessionAffinity.enabled": true } });
  const answers = load.answers.slice(from);
  const verdict = watch.phases.slice(phases).findLast(({ value }) => value === "Succeeded")?.at ?? monotonicMs();
  const clients = Map.groupBy(answers.filter(({ connecting }) => connecting === "kept"), ({ client }) => client);
  const told = watch.weights.slice(weights);
  const [divided, whole] = [told.find(({ value }) => value > 0)?.at ?? Infinity, told.findLast(({ value }) => value === 0)?.at ?? 0];
  const later = [...clients.values()].flatMap((own) => afterMeeting(own, digest, verdict)).filter(({ sent, answered }) => sent > divided + learnedMs && answered < whole);
  // At the highest weight, once all proxies know of it and until it goes.
  const highest = Math.max(...outcome.weights);
  const begun = told.find(({ value }) => value === highest)?.at ?? Infinity;
  const others = answers.filter(({ connecting, sent, answered }) => connecting === "new" && sent > begun + learnedMs && answered < whole);
  return {
    outcome,
    met: [...clients.values()].filter((own) => own.some((answer) => answer.digest === digest && answer.answered < verdict)).length,
    clients: clients.size,
    later: later.length,
    strays: later.filter((answer) => answer.digest !== digest).map(({ client, sent, carried }) => `client ${client}, ${((sent - divided) / 1000).toFixed(1)} s after the first share, cookie ${carried === undefined ? "absent" : "sent"}`),
    others: others.length,
    fresh: others.filter((answer) => answer.digest === digest).length,
    cookies: [...new Set(answers.flatMap(({ given }) => (given === undefined ? [] : [given.replace(/=[^;]*/, "=…")])))],
  };
}

/** What a client asked once it had met the new version while that was judged. */
function afterMeeting(own: readonly Answer[], digest: string, verdict: number): Answer[] {
  const met = own.find((answer) => answer.digest === digest && answer.answered < verdict);
  return met === undefined ? [] : own.filter(({ sent }) => sent > met.answered);
}
