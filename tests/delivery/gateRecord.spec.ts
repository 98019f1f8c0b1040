import assert from "node:assert/strict";
import { canaryStatusLines } from "../../delivery/canaryStatus.ts";
import { gateLines, gateNotes, lastWords, readGateRecord } from "../../delivery/gateRecord.ts";
import type { JsonMap } from "../../delivery/kubernetes.ts";
import { ApiError, type ApiClient, type RequestParts } from "../../engine/kubernetes/client.ts";
import { draftSchema } from "../../ledger/schema.ts";

const image = `sha256:${"a".repeat(64)}`;
const template = `sha256:${"b".repeat(64)}`;
const of = { namespace: "canary", name: "app", image };
const line = (change: object = {}): string =>
  JSON.stringify({
    level: "info",
    msg: "Recorded",
    record: {
      kind: "gate-verdict",
      time: "2026-11-30T07:00:00.000Z",
      gate: "compliance",
      outcome: "pass",
      reason: "Passed: all is well.",
      canary: "app",
      namespace: "canary",
      hook: "pre-rollout",
      asker: "flagger",
      images: [image],
      template,
      inputs: { [`${image}/evidence.dsse.json`]: template, "prometheus/canary-requests": template, "gate/security": template },
      ...change,
    },
  });

describe("the gates' record, as status and ledger take it", () => {
  it("is the last word of each gate at each hook on this image of this Canary, whichever pod said it", () => {
    const logs = [
      [line({ outcome: "not-yet", reason: "Not yet: first." }), line({ gate: "security", time: "2026-11-30T07:00:02.000Z", outcome: "no", reason: "No: bad." }), "not JSON", '{"record":{"kind":"gate-verdict"'].join("\n"),
      [line({ time: "2026-11-30T07:00:05.000Z" }), line({ hook: "confirm-promotion", time: "2026-11-30T07:00:01.000Z" })].join("\n"),
      // Of other images, Canaries and namespaces, and what gates answered each other.
      [line({ gate: "x", images: [] }), line({ gate: "x", canary: "other" }), line({ gate: "x", namespace: "other" }), line({ gate: "x", asker: "security" }), line({ gate: "x", kind: "flagger-event" })].join("\n"),
    ];
    const words = lastWords(logs, of);
    assert.deepEqual(words.map(({ gate, hook, outcome }) => `${gate} ${hook} ${outcome}`), ["compliance pre-rollout pass", "security pre-rollout no", "compliance confirm-promotion pass"]);
    assert.deepEqual(lastWords(logs.toReversed(), of), words);
    assert.match(gateLines({ words })[1] ?? "", /^2026-11-30T07:00:02\.000Z  security at pre-rollout: no: No: bad\.$/);
  });

  it("is taken by the ledger, with the digests of what each word was made from, and nothing that looks like a mail address", () => {
    const words = lastWords([line({ outcome: "no", reason: `No: https://ci.example.org/builder@v1.0 is no trusted builder ${"x".repeat(900)}.` })], of);
    const [note, ...more] = gateNotes({ words }, image);
    assert.deepEqual(more, []);
    const draft = draftSchema.parse({ ...note, stack: "canary", release: "r-1", who: {} });
    assert.deepEqual(draft.kind === "gate-verdict" && draft.data, { gate: "compliance", verdict: "fail", findings: 1, waived: 0 });
    assert.deepEqual(draft.evidence?.map(({ name }) => name), ["pod-template", "evidence.dsse.json", "prometheus-canary-requests", "gate-security"]);
    assert.equal(draft.why?.length, 500);
  });

  const canary = { apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata: { name: "app", namespace: "canary" } };
  const hook = (gate: string, url: string): JsonMap => ({ name: gate, type: "pre-rollout", url, metadata: { gate } });
  /** An API server that answers for pods of the gates by `pods`. */
  function cluster(webhooks: JsonMap[], pods: (namespace: string) => JsonMap[]): { client: ApiClient; asked: string[] } {
    const asked: string[] = [];
    const client = {
      request: async (_: string, path: string, { query }: RequestParts): Promise<JsonMap> => {
        asked.push(`${path} ${query?.["labelSelector"] ?? ""}`.trim());
        if (path.includes("/canaries/")) return await Promise.resolve({ spec: { analysis: { webhooks } } });
        return await Promise.resolve({ items: pods(path.split("/").at(-2) ?? "") });
      },
      text: async (_: string, path: string, { query }: RequestParts): Promise<string> => {
        asked.push(`${path} ${query?.["container"] ?? ""}`);
        return await Promise.resolve(`${line()}\n`);
      },
    } as unknown as ApiClient;
    return { client, asked };
  }
  const pod = (state: JsonMap): JsonMap => ({ metadata: { name: "compliance-1" }, spec: { containers: [{ name: "gate" }] }, status: { containerStatuses: [{ state }] } });

  it("is read from the gates' pods, where the Canary's hooks say that they are", async () => {
    const { client, asked } = cluster([hook("compliance", "http://compliance-service.gates/validate?token=x"), hook("security", "http://security-service/scan"), { name: "load", url: "http://elsewhere.other/" }], (namespace) => (namespace === "gates" ? [pod({ running: {} }), pod({ waiting: { reason: "ContainerCreating" } })] : []));
    const { words, unread } = await readGateRecord(client, canary, image, AbortSignal.timeout(10_000));
    assert.equal(unread, undefined);
    assert.deepEqual(words.map(({ gate }) => gate), ["compliance"]);
    assert.deepEqual(asked.slice(1).map((path) => path.replace(/^.*namespaces/, "")).sort(), ["/canary/pods app.kubernetes.io/component=gate", "/gates/pods app.kubernetes.io/component=gate", "/gates/pods/compliance-1/log gate"]);
  });

  it("that can't be read is one line, and no failure", async () => {
    const refused = cluster([hook("compliance", "http://compliance-service.gates/validate")], () => {
      throw new ApiError("pods is forbidden: User \"jo\" cannot list resource \"pods\"\nin namespace gates", 403, "Forbidden", []);
    });
    const gates = await readGateRecord(refused.client, canary, image, AbortSignal.timeout(10_000));
    assert.deepEqual(gateLines(gates), ['the gates\' record can\'t be read: pods is forbidden: User "jo" cannot list resource "pods"']);
    const gone = cluster([hook("compliance", "http://compliance-service.gates/validate")], () => []);
    assert.match(gateLines(await readGateRecord(gone.client, canary, image, AbortSignal.timeout(10_000))).join(), /^no pod of a gate is in namespace gates/);
    const stopped = AbortSignal.abort(new Error("interrupted"));
    await assert.rejects(readGateRecord(refused.client, canary, image, stopped), /interrupted/);
  });

  it("stands in the status of a canary stack", () => {
    const status = { stack: "canary", strategy: "canary" as const, image: `a@${image}`, phase: "WaitingPromotion", failedChecks: 0, gates: { words: lastWords([line({ outcome: "not-yet", reason: "Not yet: nobody has approved it.", gate: "approval", hook: "confirm-promotion" })], of) }, holder: null, release: null };
    assert.deepEqual(canaryStatusLines(status), [`a@${image}: WaitingPromotion`, "  2026-11-30T07:00:00.000Z  approval at confirm-promotion: not yet: Not yet: nobody has approved it.", "No release yet."]);
    assert.match(canaryStatusLines({ ...status, gates: { words: [] } })[1] ?? "", /^No gate has said anything about it\.$/);
  });
});
