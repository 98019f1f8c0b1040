/** The bundled pack in Pulumi's own runner, asked over gRPC. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { deployment, manifest } from "../../policies/rules/examples.ts";
import { PackProcess, urnOf, type Diagnostic, type Registration } from "./packProcess.ts";

const UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const UNKNOWN_BOOLEAN = "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7";

function registered(name: string, properties: object, type = "kubernetes:apps/v1:Deployment"): Registration {
  return { type, name, properties };
}

const of = (found: readonly Diagnostic[], policy: string) => found.filter((diagnostic) => diagnostic.policy === policy);

describe("pack under Pulumi's runner", () => {
  let pack: PackProcess;
  before(async () => {
    execFileSync(process.execPath, ["policies/build.mjs"]);
    pack = await PackProcess.start();
  });
  beforeEach(() => pack.configure({}));
  after(() => pack.stop());

  it("finds nothing to stop in a sound Deployment", async () => {
    const found = await pack.analyze(registered("sound", deployment()));
    assert.deepEqual(found.filter((diagnostic) => diagnostic.level === "mandatory"), []);
  });

  it("reports a violation with its path, its fix and the configured level", async () => {
    const bad = registered("bad", deployment({ securityContext: { privileged: true } }));
    const [first, ...others] = of(await pack.analyze(bad), "no-privileged-containers");
    assert.equal(others.length, 0);
    assert.equal(first?.level, "mandatory");
    assert.match(first.message, /\[no-privileged-containers\] spec\.template\.spec\.containers\[0\]\.securityContext\.privileged: container "app" runs privileged/);
    await pack.configure({ "no-privileged-containers": { enforcementLevel: "advisory" } });
    assert.equal(of(await pack.analyze(bad), "no-privileged-containers")[0]?.level, "advisory");
  });

  it("keeps a mandatory rule shut on an unknown value, names the path, and still judges the rest", async () => {
    const found = await pack.analyze(registered("unknown", deployment({ image: UNKNOWN_STRING, securityContext: { privileged: UNKNOWN_BOOLEAN, runAsNonRoot: false } })));
    const undecided = of(found, "no-privileged-containers");
    assert.deepEqual(undecided.map(({ level }) => level), ["mandatory"]);
    assert.match(undecided[0]!.message, /undecided\] spec\.template\.spec\.containers\[0\]\.securityContext\.privileged/);
    assert.equal(of(found, "image-by-digest")[0]?.level, "mandatory");
    assert.match(of(found, "run-as-non-root")[0]!.message, /may run as root/);
    assert.equal(found.filter(({ message }) => message.includes("can't run policy")).length, 0);
  });

  it("passes parameters to the rule and refuses wrong ones", async () => {
    const subject = registered("registry", deployment());
    await pack.configure({ "image-registry-allowed": { enforcementLevel: "mandatory", allowed: ["ghcr.io/acme"] } });
    assert.equal(of(await pack.analyze(subject), "image-registry-allowed")[0]?.level, "mandatory");
    await pack.configure({ "image-registry-allowed": { enforcementLevel: "mandatory", allowed: ["registry.example.com"] } });
    assert.equal(of(await pack.analyze(subject), "image-registry-allowed").length, 0);
    await pack.configure({ "image-registry-allowed": { enforcementLevel: "mandatory", allowedd: [] } });
    await assert.rejects(pack.analyze(subject), /image-registry-allowed.*allowedd/s);
  });

  it("turns a waived violation into an advisory note", async () => {
    const day = (offset: number) => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
    const waiver = { rule: "no-privileged-containers", resource: "Deployment/shop/app", reason: "legacy driver, ticket 12", requestedBy: "a@example.org", approver: "b@example.org", expires: day(5), digest: `sha256:${"4e".repeat(32)}` };
    const bad = registered("waived", deployment({ securityContext: { privileged: true } }));
    const configured = (change: object) => pack.configure({ waivers: { enforcementLevel: "mandatory", list: [{ ...waiver, ...change }] } });
    await configured({});
    const [waived] = of(await pack.analyze(bad), "no-privileged-containers");
    assert.equal(waived?.level, "advisory");
    assert.match(waived.message, /waived\].*Waived until .* by b@example\.org for a@example\.org: legacy driver/s);
    for (const change of [{ expires: day(-2) }, { approver: "a@example.org" }, { digest: `sha256:${"0".repeat(64)}` }, { expires: day(400) }]) {
      await configured(change);
      const [refused] = of(await pack.analyze(bad), "no-privileged-containers");
      assert.equal(refused?.level, "mandatory");
      assert.match(refused.message, /its waiver/);
    }
  });

  it("takes waivers from an annotation, too, and only while they hold", async () => {
    const level = async (days: number) => {
      const expires = new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
      const own = { rule: "no-privileged-containers", reason: "legacy driver, ticket 12", requestedBy: "a@example.org", approver: "b@example.org", expires, digest: `sha256:${"4e".repeat(32)}` };
      const bad = deployment({ securityContext: { privileged: true } });
      const annotations = { "policy.rlhf-audit-trail.dev/waivers": JSON.stringify([own]) };
      const found = await pack.analyze(registered("annotated", { ...bad, metadata: { ...(bad.metadata as object), annotations } }));
      return of(found, "no-privileged-containers").map((diagnostic) => diagnostic.level);
    };
    assert.deepEqual(await level(5), ["advisory"]);
    assert.deepEqual(await level(-2), ["mandatory"]);
  });

  it("names the resource meant by a stack rule", async () => {
    const workload = registered("lonely", deployment());
    const found = of(await pack.analyzeStack([workload]), "namespace-default-deny");
    assert.deepEqual(found.map(({ urn, level }) => [urn, level]), [[urnOf(workload), "mandatory"]]);
    const deny = registered("deny", manifest("networking.k8s.io/v1", "NetworkPolicy", { spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] } }), "kubernetes:networking.k8s.io/v1:NetworkPolicy");
    assert.equal(of(await pack.analyzeStack([workload, deny]), "namespace-default-deny").length, 0);
  });
});
