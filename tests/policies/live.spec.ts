/** A live namespace, read from an API server that stands in for a real one. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { deployment } from "../../policies/rules/examples.ts";

type Json = Record<string, unknown>;
type Answer = { status: number; body: Json | string };

const resources = (groupVersion: string, ...kinds: [string, string][]): Json => ({ kind: "APIResourceList", groupVersion, resources: kinds.flatMap(([name, kind]) => [{ name, kind, namespaced: kind !== "Node", verbs: ["get", "list"] }, { name: `${name}/status`, kind, namespaced: true, verbs: ["get"] }]) });
const group = (name: string, preferred: string, ...versions: string[]): Json => ({ name, preferredVersion: { groupVersion: `${name}/${preferred}` }, versions: [preferred, ...versions].map((version) => ({ groupVersion: `${name}/${version}` })) });
const owned = (by: string, kind: string) => ({ ownerReferences: [{ kind, uid: by, controller: true, name: "app" }] });

/** A live Deployment with what the server adds, its ReplicaSet and pod, and a StatefulSet that an operator made. */
function live(): Record<string, Answer> {
  const list = (items: Json[], next?: string): Answer => ({ status: 200, body: { kind: "List", metadata: next === undefined ? {} : { continue: next }, items } });
  const bad = deployment({ securityContext: { privileged: true } }) as { spec: { template: { spec: Json } } } & Json;
  const added = { uid: "d1", resourceVersion: "7", managedFields: [{ manager: "ann@example.org" }], annotations: { "kubectl.kubernetes.io/last-applied-configuration": "ann@example.org" } };
  const bare = { metadata: bad.metadata, spec: bad.spec };
  bad.spec.template.spec.serviceAccount = bad.spec.template.spec.serviceAccountName;
  const pod = { metadata: { name: "app-1", namespace: "shop", uid: "p1", ...owned("r1", "ReplicaSet") }, spec: { ...bad.spec.template.spec, nodeName: "n" } };
  const made = { metadata: { name: "db", namespace: "shop", uid: "s1", ...owned("x1", "Database") }, spec: bad.spec };
  const ok = (body: Json): Answer => ({ status: 200, body });
  return {
    "/api/v1/namespaces/shop": ok({ metadata: { name: "shop" } }),
    "/apis": ok({ groups: [group("apps", "v1", "v1beta1"), group("autoscaling", "v2"), group("parts.example.org", "v1"), group("custom.metrics.k8s.io", "v1beta1")] }),
    "/api/v1": ok(resources("v1", ["pods", "Pod"], ["secrets", "Secret"], ["events", "Event"], ["nodes", "Node"])),
    "/apis/apps/v1": ok(resources("apps/v1", ["deployments", "Deployment"], ["replicasets", "ReplicaSet"], ["statefulsets", "StatefulSet"])),
    "/apis/apps/v1beta1": ok(resources("apps/v1beta1", ["deployments", "Deployment"])),
    "/apis/autoscaling/v2": ok(resources("autoscaling/v2", ["horizontalpodautoscalers", "HorizontalPodAutoscaler"])),
    "/apis/parts.example.org/v1": { status: 503, body: "<html>no</html>" },
    "/apis/apps/v1/namespaces/shop/deployments?limit=500": list([{ ...bare, metadata: { ...(bare.metadata as Json), ...added }, status: { replicas: 3 } }], "more"),
    "/apis/apps/v1/namespaces/shop/deployments?limit=500&continue=more": list([]),
    "/apis/apps/v1/namespaces/shop/replicasets?limit=500": list([{ ...bare, metadata: { name: "app-r", namespace: "shop", uid: "r1", ...owned("d1", "Deployment") } }]),
    "/apis/apps/v1/namespaces/shop/statefulsets?limit=500": list([made]),
    "/api/v1/namespaces/shop/pods?limit=500": list([pod, { metadata: { name: "lone", namespace: "shop", uid: "p2" }, spec: pod.spec }]),
    "/api/v1/namespaces/shop/secrets?limit=500": { status: 403, body: { kind: "Status", message: "secrets is forbidden" } },
    "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers?limit=500": list([{ metadata: { name: "app", namespace: "shop" }, spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "app" }, minReplicas: 2, maxReplicas: 4 } }]),
  };
}

describe("scan of a live namespace", () => {
  let directory: string;
  let server: Server;
  let answers: Record<string, Answer>;
  let asked: string[];
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "live-"));
    [answers, asked] = [live(), []];
    server = createServer((request, response) => {
      asked.push(`${request.method ?? ""} ${request.url ?? ""}`);
      const { status, body } = answers[request.url ?? ""] ?? { status: 404, body: { kind: "Status", message: "not found" } };
      response.writeHead(status).end(typeof body === "string" ? body : JSON.stringify(body));
    });
    await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
    rmSync(directory, { recursive: true });
  });

  function kubeconfig(url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`): string {
    const file = join(directory, "kubeconfig");
    writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "Config", "current-context": "c", contexts: [{ name: "c", context: { cluster: "c", user: "u" } }], clusters: [{ name: "c", cluster: { server: url, "insecure-skip-tls-verify": true } }], users: [{ name: "u", user: { token: "secret-token" } }] }));
    return file;
  }
  async function scan(...args: string[]): Promise<{ status: number | null; stdout: string; stderr: string }> {
    const child = spawn(process.execPath, ["policies/cli.ts", "scan", ...args]);
    const [stdout, stderr, status] = await Promise.all([textOf(child.stdout), textOf(child.stderr), new Promise<number | null>((done) => child.once("close", done))]);
    return { status, stdout, stderr };
  }
  const judged = (stdout: string) => [...stdout.matchAll(/^(\w+\/\S+)$/gm)].map(([, id]) => id);

  it("judges what was declared, each pod once, by the objects that nobody made", async () => {
    for (const path of ["/apis/parts.example.org/v1", "/api/v1/namespaces/shop/secrets?limit=500"]) answers[path] = { status: 200, body: { items: [] } };
    const { status, stdout } = await scan("--namespace", "shop", "--kubeconfig", kubeconfig());
    assert.equal(status, 2, stdout);
    const privileged = stdout.split("\n\n").filter((part) => part.includes("no-privileged-containers")).map((part) => part.split("\n")[0]);
    assert.deepEqual(privileged.sort(), ["Deployment/shop/app", "Pod/shop/lone", "StatefulSet/shop/db"]);
    assert(!judged(stdout).includes("Pod/shop/app-1") && !judged(stdout).includes("ReplicaSet/shop/app-r"));
    assert.match(stdout, /^5 resources/m);
  });

  it("passes over what the server adds: status, managed fields, the last applied text, replicas under an autoscaler, the old account field", async () => {
    const { stdout } = await scan("--namespace", "shop", "--kubeconfig", kubeconfig());
    assert.match(stdout, /^Deployment\/shop\/app$/m);
    assert.doesNotMatch(stdout, /no-personal-data|no-deprecated-service-account-field|no-fixed-replicas-under-autoscaler/);
  });

  it("only reads, and reads what it must: each kind once, no events, nothing of the cluster", async () => {
    await scan("--namespace", "shop", "--kubeconfig", kubeconfig());
    assert(asked.includes("GET /apis/apps/v1/namespaces/shop/deployments?limit=500&continue=more"));
    assert(asked.every((line) => line.startsWith("GET ")));
    assert.equal(new Set(asked).size, asked.length);
    assert(!asked.some((line) => /events|nodes|v1beta1\/namespaces|metrics/.test(line)), asked.join("\n"));
  });

  it("1 for a kind or a group that may not be read, by name, and the rest is judged", async () => {
    const { status, stdout } = await scan("--namespace", "shop", "--kubeconfig", kubeconfig());
    assert.equal(status, 1);
    assert.match(stdout, /error namespace shop: Secret \(v1\) can't be listed: 403 secrets is forbidden/);
    assert.match(stdout, /error namespace shop: the kinds at \/apis\/parts\.example\.org\/v1 can't be found out: 503/);
    assert.match(stdout, /no-privileged-containers/);
  });

  it("1 and one clear line for a namespace that isn't there, a server that isn't, a wrong file, and paths beside", async () => {
    const absent = await scan("--namespace", "absent", "--kubeconfig", kubeconfig());
    assert.deepEqual([absent.status, absent.stdout.split("\n")[0]], [1, "error namespace absent: there is no such namespace"]);
    const nobody = await scan("--namespace", "shop", "--kubeconfig", kubeconfig("http://127.0.0.1:1"));
    assert.match(nobody.stdout, /error namespace shop: it can't be read: http:\/\/127\.0\.0\.1:1 does not answer/);
    assert.equal(nobody.status, 1);
    for (const [args, message] of [
      [["--namespace", "shop", "--kubeconfig", join(directory, "none")], /error: --namespace shop: the kubeconfig .*none can't be read/],
      [["--namespace", "shop", "a.yaml"], /error: scan: give paths or --namespace, not both/],
      [["--kubeconfig", "x", "a.yaml"], /error: --kubeconfig is for --namespace/],
    ] as const) {
      const { status, stderr } = await scan(...args);
      assert.equal(status, 1);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /secret-token|\n {4}at /);
    }
  });
});
