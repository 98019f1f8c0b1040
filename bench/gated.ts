/** Releases that the real gates judge, under traffic: all say yes; or something that answers 200 with garbage stands in the place of one of them. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { evidenceName } from "../attestation/documents.ts";
import { add } from "../cluster/add.ts";
import type { Node } from "../cluster/node.ts";
import { repository } from "../cluster/paths.ts";
import { mustRun } from "../cluster/run.ts";
import { applyText } from "../cluster/up.ts";
import { exitCodes } from "../delivery/exitCodes.ts";
import { digestOf } from "../delivery/image.ts";
import { CanaryScene, type Outcome } from "./canaryScene.ts";
import { canaryNames } from "./canaryStack.ts";
import { builder, Signers } from "./gatedEvidence.ts";
import { leadGate, putStrangers, type Role, roles } from "./gateStandIn.ts";
import { GoodVersions } from "./goodVersions.ts";
import type { Report } from "./measure.ts";
import { onCluster, tell } from "./ownCluster.ts";
import { loadVersions } from "./switchImages.ts";

const cluster = "bench-gated";
const { namespace } = canaryNames;
const home = "gates";
const rate = 40;

/** One release. `wrong`: why it was not as it must be. */
interface Judged {
  readonly title: string;
  readonly seconds: number;
  readonly requests: number;
  readonly failed: number;
  readonly fresh: number;
  /** The gates' last words, as `delivery status` shows them. */
  readonly words: readonly string[];
  readonly wrong: string | undefined;
}

export const usualRuns = 1;

export async function run(runs: number): Promise<Report> {
  return await onCluster(cluster, async (node) => await measure(node, runs));
}

async function measure(node: Node, runs: number): Promise<Report> {
  // The token makes the stack's state hold a secret.
  process.env["PULUMI_CONFIG_PASSPHRASE"] ??= "of the rehearsal alone";
  const images = await loadVersions(node, { first: {}, second: {}, third: {} });
  const scene = await CanaryScene.make(node, tell);
  const signers = new Signers();
  const token = await putGates(node, signers);
  await putEvidence(node, signers, Object.values(images));
  await putStrangers(node, home, images.first, ["garbage", "broken", "silent"]);
  const patience = { timeout: "3s" };
  // One tick must hold the questions of all gates.
  const keys = { interval: "15s", gates: { enabled: true, compliance: patience, security: patience, performance: patience, approval: { ...patience, required: true } } };
  const wish = { gatesHome: home, gateToken: token, keys };
  const all: Judged[] = [];
  const versions = new GoodVersions([images.first, images.second, images.third]);
  try {
    await scene.begin({ image: images.first }, rate);
    await delivery(scene, "ledger", "keygen", "rehearsal.example/gated");
    await delivery(scene, "ledger", "init");
    for (let round = 0; round < runs; round++) {
      const good = await scene.release({ ...wish, image: versions.next() });
      all.push(await judged("all gates say yes", good, scene, node, () => promoted(good)));
      if (good.end.code === 0) versions.promoted();
      for (const role of roles) {
        await leadGate(node, home, role, "garbage");
        const outcome = await scene.release({ ...wish, image: versions.next() });
        all.push(await judged(`garbage in the place of ${role}`, outcome, scene, node, (words) => refused(outcome, words, role)));
        await leadGate(node, home, role, `${role}-gate`);
      }
      for (const app of ["nobody", "silent", "broken"] as const) {
        await leadGate(node, home, "compliance", app);
        all.push(await released(`delivery release, ${app} in the place of compliance`, scene, node, versions.next(), refusedFor(/compliance/)));
        await leadGate(node, home, "compliance", "compliance-gate");
      }
      const withdrawn = versions.next();
      await node.kubectl(["delete", "configmap", evidenceName(digestOf(withdrawn)), `--namespace=${namespace}`]);
      all.push(await released("delivery release, compliance says no: there is no evidence", scene, node, withdrawn, refusedFor(/compliance/)));
      await putEvidence(node, signers, [withdrawn]);
      const last = await released("delivery release, all gates say yes", scene, node, versions.next(), ({ code, record }) => {
        assert.equal(code, exitCodes.done, "was not promoted");
        assert.match(record, /"released"/, "the record does not say so");
      });
      all.push(last);
      if (last.wrong === undefined) versions.promoted();
    }
    tell(await delivery(scene, "ledger", "verify", ".delivery/ledger", "--key", ".delivery/ledger.pub"));
  } finally {
    await scene.end();
  }
  return report(all);
}

/** The gates, which trust these signers. @returns Flagger's token */
async function putGates(node: Node, signers: Signers): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "bench-gated-"));
  try {
    writeFileSync(join(folder, "trust.json"), signers.trust);
    await add("gates", cluster, namespace, tell, { gatesNamespace: home, trust: join(folder, "trust.json"), set: { BUILDERS: builder } });
  } finally {
    rmSync(folder, { recursive: true });
  }
  return Buffer.from(await node.kubectl(["get", "secret", "gates-token", `--namespace=${home}`, "--output=jsonpath={.data.token}"]), "base64").toString();
}

/** All that the gates ask about these images. */
async function putEvidence(node: Node, signers: Signers, images: readonly string[]): Promise<void> {
  const items = images.map(digestOf).map((digest) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: evidenceName(digest), namespace }, data: signers.about(digest) }));
  await applyText(node, JSON.stringify({ apiVersion: "v1", kind: "List", items }));
}

async function delivery({ stack }: CanaryScene, ...words: string[]): Promise<string> {
  return await mustRun(process.execPath, [join(repository, "delivery/main.mjs"), ...words], { cwd: stack.folder });
}

/** The lines of `delivery status` in which gates speak. */
async function status(scene: CanaryScene, node: Node): Promise<string[]> {
  const shown = await delivery(scene, "status", "--stack", "canary", "--kubeconfig", node.kubeconfig);
  return shown.split("\n").map((line) => line.trim()).filter((line) => /(compliance|security|performance|approval) at /.test(line));
}

async function judged(title: string, outcome: Outcome, scene: CanaryScene, node: Node, judge: (words: string) => void): Promise<Judged> {
  const words = await status(scene, node);
  let wrong: string | undefined;
  try {
    assert.deepEqual([...new Set(outcome.bad.map(({ failure }) => failure))], []);
    judge(words.join("\n"));
  } catch (error) {
    wrong = `${error instanceof Error ? error.message : String(error)}\n${outcome.end.output.slice(-3_000)}`;
  }
  tell(`${title}: up ended with ${String(outcome.end.code)}, ${outcome.phases.join(" → ")}, weights ${outcome.weights.join(" ")}, ${outcome.bad.length} bad of ${outcome.requests}, ${outcome.fresh} of the new version\n  ${words.join("\n  ")}${wrong === undefined ? "" : `\nWRONG: ${wrong}`}`);
  return { title, seconds: (outcome.end.done - outcome.end.begun) / 1000, requests: outcome.requests, failed: outcome.bad.length, fresh: outcome.fresh, words, wrong };
}

/** What a release command left behind: its exit status, what `status` shows afterwards, and the release in the record. */
interface Left {
  readonly code: number | null;
  readonly shown: string;
  readonly record: string;
  readonly fresh: number;
}

/** One release by the release command. */
async function released(title: string, scene: CanaryScene, node: Node, image: string, judge: (left: Left) => void): Promise<Judged> {
  const { load } = scene;
  if (load === undefined) throw new Error("the scene has not begun");
  const [begun, from] = [performance.now(), load.answers.length];
  const { code, output } = await scene.stack.release(image).ended;
  const seconds = (performance.now() - begun) / 1000;
  await load.more(100);
  const answers = load.answers.slice(from);
  const [fresh, failed] = [answers.filter(({ digest }) => digest === digestOf(image)).length, answers.filter(({ failure }) => failure !== undefined).length];
  const { releases } = JSON.parse(await delivery(scene, "history", "--stack", "canary", "--json")) as { releases: readonly unknown[] };
  const left = { code, shown: await delivery(scene, "status", "--stack", "canary", "--kubeconfig", node.kubeconfig), record: JSON.stringify(releases[0]), fresh };
  let wrong: string | undefined;
  try {
    assert.equal(failed, 0, "requests failed");
    judge(left);
  } catch (error) {
    wrong = `${error instanceof Error ? error.message : String(error)}\n${left.shown}\n${left.record}\n${output.slice(-3_000)}`;
  }
  tell(`${title}: ended with ${String(code)}, ${failed} bad of ${answers.length}, ${fresh} of the new version\n${left.shown}\n${left.record}${wrong === undefined ? "" : `\nWRONG: ${wrong}`}`);
  return { title, seconds, requests: answers.length, failed, fresh, words: [left.record], wrong };
}

/** Taken back before anybody met it, and both tell why. */
function refusedFor(reason: RegExp): (left: Left) => void {
  return ({ code, shown, record, fresh }) => {
    assert.equal(code, exitCodes.takenBack);
    assert.equal(fresh, 0, "had requests before it was judged");
    assert.match(shown, reason, "status does not tell why");
    assert.match(record, reason, "the record does not tell why");
  };
}

function promoted({ end, phases }: Outcome): void {
  assert.equal(end.code, 0, "was not promoted");
  assert.equal(phases.at(-1), "Succeeded");
  for (const role of ["compliance-pre-rollout", "security-pre-rollout"]) assert.match(end.output, new RegExp(`yes from [^\\n]*${role}`), "up does not show who said yes");
}

function refused({ end, phases, fresh }: Outcome, words: string, role: Role): void {
  assert.notEqual(end.code, 0, "up ended well");
  assert.equal(phases.at(-1), "Failed");
  assert.equal(fresh, 0, "had requests before it was judged");
  assert.match(words, new RegExp(`: (no|not yet): .*${role}`), "status does not tell which gate proves nothing");
}

function report(all: readonly Judged[]): Report {
  const wrong = all.filter((one) => one.wrong !== undefined);
  return {
    title: `Releases of the canary stack that the real gates judge, under ${rate} requests a second`,
    figures: [
      { name: "releases", unit: "count", digits: 0, samples: [all.length] },
      { name: "requests", unit: "count", digits: 0, samples: all.map(({ requests }) => requests) },
      { name: "requests that failed", unit: "count", digits: 0, samples: all.map(({ failed }) => failed) },
      ...all.map(({ title, seconds }) => ({ name: `${title}: whole`, unit: "s" as const, digits: 1, samples: [seconds] })),
    ],
    notes: all.map(({ title, fresh, words }) => `${title}: ${fresh} requests of the new version; ${words.join("; ")}`),
    ...(wrong.length > 0 && { failure: wrong.map((one) => `${one.title}: ${one.wrong ?? ""}`).join("\n") }),
  };
}
