import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { leadGate, putStrangers } from "../../bench/gateStandIn.ts";
import { add } from "../../cluster/add.ts";
import { applyDefinitions } from "../../cluster/definitions.ts";
import { down } from "../../cluster/down.ts";
import type { Node } from "../../cluster/node.ts";
import { buildParts } from "../../cluster/parts.ts";
import { evidenceName } from "../../attestation/documents.ts";
import { builderId } from "../services/gates-sigstore.ts";
import { digest, gateFiles, goodEvidence, payload } from "../services/gates-world.ts";
import { apply, start } from "./world.ts";

const name = "test-gates";
const silent = (): void => undefined;
/** Whose releases are judged, where the gates run, and where Flagger would be. */
const [shop, home, flagger] = ["shop", "gates", "flagger-system"];

interface Question {
  readonly url: string;
  readonly body?: string;
}

describe("the gates, on the local cluster", function () {
  this.timeout(1_800_000);
  let node: Node;
  let files: ReturnType<typeof gateFiles>;
  let token: string;

  const settings = { ENVIRONMENT: "production", BUILDERS: builderId };
  const addGates = async (): Promise<void> => await add("gates", name, shop, silent, { gatesNamespace: home, trust: files.files.trust, set: settings });
  const put = async (data: Record<string, string>): Promise<void> => await apply(node, { apiVersion: "v1", kind: "ConfigMap", metadata: { name: evidenceName(digest), namespace: shop }, data });
  const address = (role: string, path: string, by: string = token): string => `http://${role}-service.${home}/${path}?token=${by}`;

  /** Posts from inside a pod, as Flagger does; what came back, as `status text`, or `unreachable`. */
  async function ask(from: string, ...questions: readonly Question[]): Promise<string[]> {
    const script =
      "const said = await Promise.all(JSON.parse(process.argv[1]).map(async ({ url, body }) => { try { const response = await fetch(url, { method: 'POST', body, headers: { 'Content-Type': 'application/json' }, signal: AbortSignal.timeout(10000) }); return response.status + ' ' + (await response.text()).trim(); } catch { return 'unreachable'; } })); console.log(JSON.stringify(said));";
    const asked = questions.map(({ url, body = JSON.stringify(payload()) }) => ({ url, body }));
    const result = await node.kubectl(["exec", "caller", `--namespace=${from}`, "--", "/usr/bin/node", "--input-type=module", "--eval", script, JSON.stringify(asked)]);
    return JSON.parse(result) as string[];
  }
  const one = async (role: string, path: string): Promise<string> => (await ask(flagger, { url: address(role, path) }))[0] ?? "";

  /** Which of these the gates' ServiceAccount may do, as the API server decides it. */
  async function allowed(asked: readonly (readonly [verb: string, what: string, namespace: string])[]): Promise<string[]> {
    const items = asked.map(([verb, what, namespace]) => {
      const [, resource, subresource, group] = /^(\w+)(?:\/(\w+))?(?:\.(.+))?$/.exec(what) ?? [];
      return { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", spec: { user: `system:serviceaccount:${home}:gates`, resourceAttributes: { verb, resource, subresource, group, namespace } } };
    });
    const answers = (await node.kubectl(["create", "--filename=-", "--output=jsonpath={.status.allowed}{'\\n'}"], JSON.stringify({ apiVersion: "v1", kind: "List", items }))).trim().split("\n");
    assert.equal(answers.length, asked.length);
    return asked.filter((_, at) => answers[at] === "true").map((words) => words.join(" "));
  }

  /** What there is, by identity: unchanged objects look the same. */
  async function everything(): Promise<string> {
    const path = "jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.uid} {.metadata.generation} {.data}{'\\n'}{end}";
    const kinds = "deployments,pods,services,networkpolicies,serviceaccounts,configmaps,secrets,poddisruptionbudgets";
    return `${await node.kubectl(["get", kinds, `--namespace=${home}`, `--output=${path}`])}${await node.kubectl(["get", "roles,rolebindings", `--namespace=${shop}`, `--output=${path}`])}`;
  }

  before(async () => {
    await down(name, true, silent);
    files = gateFiles();
    node = await start(name);
    const definitions = (await buildParts(silent, "canary")).get("flagger.yaml");
    assert.ok(definitions !== undefined);
    await applyDefinitions(node, await readFile(definitions, "utf8"), "canaries.flagger.app");
    await addGates();
    token = Buffer.from(await node.kubectl(["get", "secret", "gates-token", `--namespace=${home}`, "--output=jsonpath={.data.token}"]), "base64").toString();
    const image = await node.kubectl(["get", "deployment", "compliance-gate", `--namespace=${home}`, "--output=jsonpath={.spec.template.spec.containers[0].image}"]);
    const caller = { terminationGracePeriodSeconds: 0, automountServiceAccountToken: false, containers: [{ name: "caller", image, command: ["/usr/bin/node", "--eval", "setInterval(() => undefined, 1e9)"] }] };
    await apply(node, { apiVersion: "v1", kind: "Namespace", metadata: { name: flagger } });
    for (const namespace of [flagger, shop]) await apply(node, { apiVersion: "v1", kind: "Pod", metadata: { name: "caller", namespace }, spec: caller });
    await apply(
      node,
      { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "app", namespace: shop }, spec: { replicas: 0, selector: { matchLabels: { app: "app" } }, template: { metadata: { labels: { app: "app" } }, spec: { containers: [{ name: "app", image: `registry.example.org/app@${digest}` }] } } } },
      { apiVersion: "flagger.app/v1beta1", kind: "Canary", metadata: { name: "app", namespace: shop }, spec: { targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "app" }, service: { port: 80 }, analysis: { interval: "10s", threshold: 1, stepWeight: 10, maxWeight: 50 } } },
    );
    for (const namespace of [flagger, shop]) await node.kubectl(["wait", "--for=condition=Ready", "pod/caller", `--namespace=${namespace}`, "--timeout=180s"]);
  });
  after(async () => {
    files.remove();
    await down(name, true, silent);
  });

  it("runs each in two replicas, and added again, changes nothing, its token least of all", async () => {
    const before = await everything();
    assert.equal(before.match(/^Pod /gm)?.length, 8);
    await addGates();
    assert.equal(await everything(), before);
  });

  it("says no with the reason to an image about which nothing is known, yes once its evidence is there, and waits for an approval", async () => {
    assert.match(await one("compliance", "validate"), /^403 No: nothing is known about sha256:d{64}: there is no ConfigMap release-evidence-/);
    const good = goodEvidence();
    const { "approval-production.dsse.json": approved, ...unapproved } = good;
    await put(unapproved);
    assert.match(await one("compliance", "validate"), /^200 Passed: the evidence is signed, complete and current/);
    assert.match(await one("security", "scan"), /^200 Passed/);
    assert.match(await one("approval", "approve"), /^409 Not yet: nobody has approved/);
    await put({ ...unapproved, "approval-production.dsse.json": approved ?? "" });
    assert.match(await one("approval", "approve"), /^200 Passed: approved for production/);
  });

  it("can't judge traffic without Prometheus, and says so without letting anything through", async () => {
    assert.match(await one("performance", "validate"), /^(409 Not yet|403 No): /);
  });

  it("answers nobody without the token, and only what Flagger asks", async () => {
    const wrong = `${token.slice(0, -1)}${token.endsWith("0") ? "1" : "0"}`;
    const said = await ask(flagger, { url: address("compliance", "validate", wrong) }, { url: `http://compliance-service.${home}/validate` }, { url: address("compliance", "validate"), body: "{}" }, { url: address("compliance", "scan") });
    assert.deepEqual(said.map((answer) => answer.slice(0, 3)), ["401", "401", "422", "404"], said.join("\n"));
  });

  it("is reached from Flagger's namespace alone", async () => {
    const questions = [{ url: address("compliance", "validate") }, { url: address("approval", "approve") }];
    assert.deepEqual(await ask(shop, ...questions), ["unreachable", "unreachable"]);
    // The same program gets through where it may: the refusals above are the policies'.
    assert.deepEqual((await ask(flagger, ...questions)).map((answer) => answer.slice(0, 3)), ["200", "200"]);
  });

  it("asks the other gates, and lets nothing pass where something answers 200 with garbage in the place of one", async () => {
    await put(goodEvidence());
    const hook = (role: string, path: string, type: string) => ({ name: `${role}-${type}`, type, url: address(role, path), metadata: { gate: role, hook: type } });
    const paths = { approval: "approve", compliance: "validate", security: "scan", performance: "validate" } as const;
    const hooks = [
      hook("approval", "approve", "confirm-promotion"),
      ...(["compliance", "security"] as const).flatMap((role) => ["pre-rollout", "confirm-promotion"].map((type) => hook(role, paths[role], type))),
      hook("performance", "validate", "rollout"),
    ];
    await node.kubectl(["patch", "canary", "app", `--namespace=${shop}`, "--type=merge", `--patch=${JSON.stringify({ spec: { analysis: { webhooks: hooks } } })}`]);
    const judge = async (role: "compliance" | "security", at: string): Promise<string> => (await ask(flagger, { url: address(role, paths[role]), body: JSON.stringify(payload({ metadata: { gate: role, hook: at } })) }))[0] ?? "";
    assert.match(await judge("compliance", "pre-rollout"), /^200 Passed: .*; their yes is proven by security, their presence by approval, performance\.$/);
    assert.match(await judge("security", "pre-rollout"), /^200 Passed: .*; their yes is proven by compliance, their presence by approval, performance\.$/);

    const image = await node.kubectl(["get", "deployment", "compliance-gate", `--namespace=${home}`, "--output=jsonpath={.spec.template.spec.containers[0].image}"]);
    await putStrangers(node, home, image, ["garbage"]);
    try {
      for (const role of ["compliance", "security", "performance", "approval"] as const) {
        await leadGate(node, home, role, "garbage");
        const other = role === "compliance" ? "security" : "compliance";
        while (!(await one(role, paths[role])).includes("It works!")); // until the change has reached the network
        for (const at of ["pre-rollout", "confirm-promotion"])
          assert.match(await judge(other, at), new RegExp(`^(409 Not yet|403 No): .*${role}-service\\.${home} answered 200 without proof that it is the ${role} gate`), `${role} at ${at}`);
        await leadGate(node, home, role, `${role}-gate`);
        while ((await one(role, paths[role])).includes("It works!"));
      }
    } finally {
      await node.kubectl(["delete", "pod", "garbage", `--namespace=${home}`]);
      await node.kubectl(["patch", "canary", "app", `--namespace=${shop}`, "--type=merge", `--patch=${JSON.stringify({ spec: { analysis: { webhooks: null } } })}`]);
    }
  });

  it("may get three kinds of object in the namespace that it judges, and nothing else anywhere", async () => {
    const own = ["canaries.flagger.app", "deployments.apps", "configmaps"];
    const others = ["secrets", "pods", "pods/exec", "events", "serviceaccounts/token", "roles.rbac.authorization.k8s.io"];
    const asked = [
      ...own.flatMap((what) => ["get", "list", "watch", "create", "update", "patch", "delete"].map((verb) => [verb, what, shop] as const)),
      ...own.map((what) => ["get", what, home] as const),
      ...others.flatMap((what) => ["get", "list", "create"].flatMap((verb) => [shop, home, "kube-system"].map((namespace) => [verb, what, namespace] as const))),
    ];
    assert.deepEqual(await allowed(asked), own.map((what) => `get ${what} ${shop}`));
  });

  it("goes on when one of its pods goes", async () => {
    const names = (await node.kubectl(["get", "pods", `--namespace=${home}`, "--selector=app=compliance-gate", "--output=jsonpath={.items[*].metadata.name}"])).split(" ");
    const gone = node.kubectl(["delete", "pod", names[0] ?? "", `--namespace=${home}`]);
    const said = await ask(flagger, ...Array.from({ length: 30 }, () => ({ url: address("compliance", "validate") })));
    await gone;
    assert.deepEqual([...new Set(said.map((answer) => answer.slice(0, 3)))], ["200"]);
  });
});
