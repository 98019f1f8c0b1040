/** A live namespace of a real cluster: judged as what was declared is, whatever server and controllers have added. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { down } from "../../cluster/down.ts";
import type { Node } from "../../cluster/node.ts";
import { run } from "../../cluster/run.ts";
import type { Report } from "../../policies/reports/report.ts";
import { deployment, manifest, podSpec } from "../../policies/rules/examples.ts";
import { RULES } from "../../policies/rules/index.ts";
import { apply, eventually, kubectl, start } from "../cluster/world.ts";

const name = "test-scan";
const namespace = "shop";
const labels = { "app.kubernetes.io/name": "app" };

/** Sound and bad objects of the kinds to which controllers and admission add most. No image is there to be pulled: nothing has to run. */
const DECLARED = [
  { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels: { "pod-security.kubernetes.io/warn": "restricted" } } },
  deployment(),
  named(deployment({ securityContext: { privileged: true, allowPrivilegeEscalation: undefined }, resources: {} }), "bad"),
  named(deployment(), "scaled"),
  manifest("autoscaling/v2", "HorizontalPodAutoscaler", { spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "scaled" }, minReplicas: 2, maxReplicas: 4, metrics: [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 70 } } }] } }, "scaled"),
  manifest("v1", "Service", { spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] } }),
  manifest("v1", "Service", { spec: { type: "NodePort", selector: labels, ports: [{ port: 80 }] } }, "open"),
  manifest("networking.k8s.io/v1", "NetworkPolicy", { spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] } }, "deny"),
  manifest("policy/v1", "PodDisruptionBudget", { spec: { maxUnavailable: 1, selector: { matchLabels: labels } } }),
  manifest("batch/v1", "CronJob", { spec: { schedule: "* * * * *", jobTemplate: { spec: { template: { spec: { restartPolicy: "Never", ...podSpec() } } } } } }, "nightly"),
  manifest("v1", "ConfigMap", { data: { password: "hunter2" } }),
  manifest("v1", "ServiceAccount", { automountServiceAccountToken: false }),
  manifest("rbac.authorization.k8s.io/v1", "Role", { rules: [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }] }),
];

function named(object: Record<string, unknown>, other: string): Record<string, unknown> {
  return { ...object, metadata: { ...(object.metadata as object), name: other } };
}

describe("scan of a namespace of a real cluster", function () {
  this.timeout(600_000);
  let folder: string;
  let node: Node;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "namespace-"));
    node = await start(name);
    await apply(node, { apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass", metadata: { name: "standard" }, value: 1000 });
    await apply(node, ...DECLARED);
    // What controllers make of it must be there, or its being passed over would prove nothing.
    await eventually("pods of the Deployments", async () => ((await kubectl(node, "get", "pods", "-n", namespace, "-o", "name")).stdout.includes("pod/bad-") ? true : undefined));
  });
  after(async () => {
    await down(name, true, () => undefined);
    rmSync(folder, { recursive: true });
  });

  async function scan(...args: string[]): Promise<{ code: number; report: Report; said: string }> {
    const { code, stdout, stderr } = await run(process.execPath, ["policies/cli.ts", "scan", "--report", "json=-", ...args]);
    return { code, report: JSON.parse(stdout) as Report, said: stdout + stderr };
  }
  /** What the resource rules say, by object. Stack rules see the account that every namespace has besides. */
  const findings = ({ findings: all }: Report) => {
    const own = new Set(RULES.filter(({ scope }) => scope === "resource").map(({ id }) => id));
    return all.filter(({ rule, resource }) => own.has(rule) && resource !== `ServiceAccount/${namespace}/default`).map(({ rule, resource, path, level, message }) => `${resource} ${rule} ${level} ${path} ${message}`).sort();
  };

  it("finds in each object what a scan of its manifest finds, and judges nothing that controllers made", async () => {
    const file = join(folder, "declared.json");
    writeFileSync(file, JSON.stringify(DECLARED));
    const [declared, live] = [await scan(file), await scan("--namespace", namespace, "--kubeconfig", node.kubeconfig)];
    assert.deepEqual(live.report.problems, []);
    assert.deepEqual([declared.code, live.code], [2, 2]);
    assert(findings(declared.report).some((line) => line.startsWith("Deployment/shop/bad no-privileged-containers mandatory")));
    assert.deepEqual(findings(live.report), findings(declared.report));
    assert.equal(live.report.resources, declared.report.resources + 1);
    assert.doesNotMatch(live.said, /hunter2/);
  });

  it("says which namespace there isn't: 1", async () => {
    const { code, report } = await scan("--namespace", "absent", "--kubeconfig", node.kubeconfig);
    assert.deepEqual([code, report.verdict, report.problems.map(({ message }) => message)], [1, "incomplete", ["there is no such namespace"]]);
  });
});
