import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { down } from "../../cluster/down.ts";
import type { Node } from "../../cluster/node.ts";
import { cases, type Check } from "./policies.ts";
import { apply, controlCluster, eventually, kubectl, loadProbe, pod, start, testCluster } from "./world.ts";

const serve = ["serve", "8080,8081,8082,8083", "9053"];
const pods = [
  { namespace: "np-a", name: "server", labels: { app: "server" } },
  { namespace: "np-a", name: "client", labels: { app: "client" } },
  { namespace: "np-a", name: "other", labels: { app: "other" } },
  { namespace: "np-b", name: "guest", labels: { app: "client" } },
  { namespace: "np-b", name: "stranger", labels: { app: "stranger" } },
];
const namespaceOf = (name: string) => pods.find((one) => one.name === name)?.namespace ?? "np-a";

/** Test pods on a cluster, and what their names stand for in addresses. */
interface Field {
  node: Node;
  addresses: ReadonlyMap<string, string>;
}

async function prepare(node: Node): Promise<Field> {
  await loadProbe(node);
  await apply(
    node,
    ...["a", "b"].map((team) => ({ apiVersion: "v1", kind: "Namespace", metadata: { name: `np-${team}`, labels: { team } } })),
    ...pods.map((one) => pod({ ...one, command: serve })),
    { apiVersion: "v1", kind: "Service", metadata: { namespace: "np-a", name: "server" }, spec: { selector: { app: "server" }, ports: [{ port: 80, targetPort: "web" }] } },
  );
  for (const namespace of ["np-a", "np-b"]) await node.kubectl(["wait", "--for=condition=Ready", "pod", "--all", `--namespace=${namespace}`, "--timeout=180s"]);
  const addresses = new Map<string, string>([
    ["dns", "10.96.0.10"],
    ["api", "10.96.0.1"],
    ["service", await node.kubectl(["get", "service", "server", "--namespace=np-a", "--output=jsonpath={.spec.clusterIP}"])],
  ]);
  for (const { namespace, name } of pods) addresses.set(name, await node.kubectl(["get", "pod", name, `--namespace=${namespace}`, "--output=jsonpath={.status.podIP}"]));
  return { node, addresses };
}

/** Puts pods' addresses in the place of their names in `name:port` and `name/32`. */
function resolve(text: string, { addresses }: Field): string {
  return text.replace(/\b([a-z]+)(?=(:\d|\/32))/g, (name) => addresses.get(name) ?? name);
}

async function setPolicies(field: Field, policies: readonly { namespace: string; name: string; spec: object }[]): Promise<void> {
  await field.node.kubectl(["delete", "networkpolicy", "--all", "--namespace=np-a"]);
  if (policies.length === 0) return;
  const objects = policies.map(({ namespace, name, spec }) => ({ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata: { namespace, name }, spec: JSON.parse(resolve(JSON.stringify(spec), field)) as object }));
  await apply(field.node, ...objects);
}

async function holds(field: Field, check: Check): Promise<string | undefined> {
  const { from, to, network = "tcp", expect } = check;
  const result = await kubectl(field.node, "exec", from, `--namespace=${namespaceOf(from)}`, "--", "/probe", "expect", expect, network, resolve(to, field));
  return result.code === 0 ? undefined : `${from} -> ${to} ${network} is not ${expect}: ${result.stderr.trim().split("\n")[0] ?? ""}`;
}

describe("NetworkPolicies on the local cluster", function () {
  this.timeout(600_000);
  let field: Field;

  before(async () => {
    field = await prepare(await start(testCluster));
  });

  after(async () => {
    await down(testCluster, true, () => undefined);
  });

  for (const { name, policies, checks } of cases) {
    it(`${name} (${checks.length} connections)`, async () => {
      await setPolicies(field, policies);
      const failed = await Promise.all(checks.map(async (check) => await holds(field, check)));
      assert.deepEqual(failed.filter((text) => text !== undefined), []);
    });
  }

  it("the kubelet's probes reach a closed pod", async () => {
    await setPolicies(field, [{ namespace: "np-a", name: "all", spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] } }]);
    assert.equal(await holds(field, { from: "guest", to: "server:8080", expect: "closed" }), undefined);
    // As the kubelet does: from the node itself.
    const address = field.addresses.get("server") ?? "";
    assert.match(await field.node.runInside(["/bin/bash", "-c", `exec 3<>/dev/tcp/${address}/8080 && head -1 <&3`]), /^0/);
  });

  it("a pod's new labels count at once", async () => {
    await setPolicies(field, [{ namespace: "np-a", name: "by-label", spec: { podSelector: { matchLabels: { app: "server" } }, policyTypes: ["Ingress"], ingress: [{ from: [{ podSelector: { matchLabels: { friend: "yes" } } }] }] } }]);
    assert.equal(await holds(field, { from: "other", to: "server:8080", expect: "closed" }), undefined);
    await field.node.kubectl(["label", "pod", "other", "friend=yes", "--namespace=np-a"]);
    assert.equal(await holds(field, { from: "other", to: "server:8080", expect: "open" }), undefined);
    await field.node.kubectl(["label", "pod", "other", "friend-", "--namespace=np-a"]);
    assert.equal(await holds(field, { from: "other", to: "server:8080", expect: "closed" }), undefined);
  });

  it("a namespace's new labels count at once", async () => {
    await setPolicies(field, [{ namespace: "np-a", name: "by-label", spec: { podSelector: { matchLabels: { app: "server" } }, policyTypes: ["Ingress"], ingress: [{ from: [{ namespaceSelector: { matchLabels: { trusted: "yes" } } }] }] } }]);
    assert.equal(await holds(field, { from: "guest", to: "server:8080", expect: "closed" }), undefined);
    await field.node.kubectl(["label", "namespace", "np-b", "trusted=yes"]);
    assert.equal(await holds(field, { from: "guest", to: "server:8080", expect: "open" }), undefined);
    await field.node.kubectl(["label", "namespace", "np-b", "trusted-"]);
  });

  it("a new policy ends an established connection, and its removal lets it go on", async () => {
    await setPolicies(field, []);
    const child = spawn(field.node.path("bin/tools/kubectl"), ["--kubeconfig", field.node.kubeconfig, "exec", "client", "--namespace=np-a", "--", "/probe", "stream", resolve("server:8080", field)], { stdio: ["ignore", "pipe", "inherit"] });
    let lines = 0;
    child.stdout.setEncoding("utf8").on("data", (text: string) => (lines += text.split("\n").length - 1));
    const grows = async () => {
      const before = lines;
      return await eventually("the stream goes on", async () => await pause(lines > before + 5 ? true : undefined), 60_000);
    };
    try {
      await grows();
      await setPolicies(field, [{ namespace: "np-a", name: "closed", spec: { podSelector: { matchLabels: { app: "server" } }, policyTypes: ["Ingress"] } }]);
      assert.equal(await holds(field, { from: "client", to: "server:8080", expect: "closed" }), undefined);
      const stopped = lines;
      // Three dials that time out take two seconds: two hundred lines, had the stream gone on.
      assert.equal(await holds(field, { from: "client", to: "server:8080", expect: "closed" }), undefined);
      assert.equal(lines, stopped);
      await setPolicies(field, []);
      await grows();
    } finally {
      child.kill("SIGKILL");
    }
  });

  it("a new pod's first packet is judged: nothing gets out of 10 pods that begin under a denial", async () => {
    await setPolicies(field, []);
    assert.deepEqual((await firstPackets(field, "open", 1)).map((said) => /^opened [1-9]/.test(said)), [true]);
    await setPolicies(field, [{ namespace: "np-a", name: "closed", spec: { podSelector: { matchLabels: { app: "eager" } }, policyTypes: ["Egress"] } }]);
    const said = await firstPackets(field, "closed", 10);
    assert.deepEqual(said.filter((text) => !text.startsWith("opened 0 of ")), []);
  });

  it("without the enforcer the same closed ways are open: the checks can fail", async () => {
    const control = await prepare(await start(controlCluster, { enforce: false }));
    try {
      const denials = cases.filter(({ checks }) => checks.some(({ expect }) => expect === "closed")).slice(0, 4);
      for (const { policies, checks } of denials) {
        await setPolicies(control, policies);
        for (const check of checks) assert.equal(await holds(control, { ...check, expect: "open" }), undefined);
      }
    } finally {
      await down(controlCluster, true, () => undefined);
    }
  });
});

/** Lets the event loop run before the next look. */
async function pause<T>(value: T): Promise<T> {
  return await new Promise((resolve) => setImmediate(() => resolve(value)));
}

/** Starts pods that dial from their first instruction on, and returns what each says at its end. */
async function firstPackets(field: Field, name: string, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, index) => `eager-${name}-${index}`);
  await apply(field.node, ...names.map((one) => pod({ namespace: "np-a", name: one, labels: { app: "eager" }, command: ["first", resolve("server:8080", field)], restart: "Never" })));
  await field.node.kubectl(["wait", "--for=jsonpath={.status.phase}=Succeeded", ...names.map((one) => `pod/${one}`), "--namespace=np-a", "--timeout=180s"]);
  return await Promise.all(names.map(async (one) => (await field.node.kubectl(["logs", one, "--namespace=np-a"])).trim()));
}
