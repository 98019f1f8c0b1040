/** An A/B test of three ticks: whoever sends the header meets the new version, and nobody else does until it is promoted. */
import { digestOf } from "../delivery/image.ts";
import type { CanaryScene, Outcome } from "./canaryScene.ts";
import { canaryNames, type CanaryWish } from "./canaryStack.ts";
import { SwitchLoad } from "./switchLoad.ts";

/** What came of it. */
interface AbTest {
  outcome: Outcome;
  /** Insiders' requests while it was judged. */
  asked: number;
  /** Of these, those that the old version answered; others' that the new one answered; insiders' that failed. */
  wrong: { insiders: number; others: number; failed: number };
}

export async function abTest(scene: CanaryScene, wish: CanaryWish): Promise<AbTest> {
  const digest = digestOf(wish.image);
  const inside = await SwitchLoad.start(scene.node, scene.address, { rate: 10, host: canaryNames.hostname, idleClients: 0, headers: { "x-canary": "insider" } });
  const begun = scene.load?.answers.length ?? 0;
  const wrong = { insiders: 0, others: 0, failed: 0 };
  let asked = 0;
  const outcome = await scene.release({ ...wish, keys: { ...wish.keys, "traffic.kind": "abTest", "traffic.iterations": 3 } }, async () => {
    const shown = inside.answers.length;
    await inside.until("an insider meets the new version", () => inside.answers.slice(shown).some((answer) => answer.digest === digest));
    const met = inside.answers.length;
    await inside.more(100);
    // The proxies learn of the route one after the other, up to two seconds apart.
    const later = inside.answers.slice(met + 20);
    asked = later.length;
    wrong.insiders = later.filter((answer) => answer.digest !== digest).length;
    wrong.others = scene.load?.answers.slice(begun).filter((answer) => answer.digest === digest).length ?? 0;
  });
  wrong.failed = inside.answers.filter(({ failure }) => failure !== undefined).length;
  await inside.stop();
  return { outcome, asked, wrong };
}
