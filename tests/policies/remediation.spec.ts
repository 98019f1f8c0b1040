/** Remedies: what is mended passes its policy, nothing else is touched, and what somebody wants otherwise stays. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { judgeResource, RuleIndex } from "../../policies/evaluate.ts";
import { editsFor } from "../../policies/remediation/apply.ts";
import { applyEdits, keysOf, type Edit } from "../../policies/remediation/edits.ts";
import { REMEDIES } from "../../policies/remediation/remedies.ts";
import { fromManifest, type Resource } from "../../policies/resource.ts";
import type { ResourceRule } from "../../policies/rule.ts";
import { deployment, manifest, pod } from "../../policies/rules/examples.ts";
import { RULES } from "../../policies/rules/index.ts";
import { defaultSettings } from "../../policies/settings.ts";
import { join, Unknown, type Obj } from "../../policies/value.ts";

const NOW = new Date("2026-11-23T12:00:00Z");
const DAY = 86_400_000;

function rule(id: string): ResourceRule {
  const found = RULES.find((one) => one.id === id);
  assert(found?.scope === "resource", id);
  return found;
}

function resource(data: Obj): Resource {
  const found = fromManifest(data);
  assert(found);
  return found;
}

const edits = (id: string, data: Obj) => editsFor(rule(id), resource(data), [], NOW);
const findings = (id: string, data: Obj) => judgeResource(resource(data), new RuleIndex([rule(id)]), defaultSettings(RULES), { now: NOW });
const mended = (id: string, data: Obj) => applyEdits(data, edits(id, data)) as Obj;

const container = fc.record(
  {
    name: fc.constantFrom("app", "helper"),
    image: fc.constant("example.org/app"),
    securityContext: fc.record(
      {
        privileged: fc.boolean(),
        allowPrivilegeEscalation: fc.boolean(),
        runAsNonRoot: fc.boolean(),
        runAsUser: fc.constantFrom(0, 1000, 20000),
        capabilities: fc.record({ add: fc.subarray(["NET_BIND_SERVICE", "SYS_ADMIN", "CAP_SYS_ADMIN", "ALL"]), drop: fc.subarray(["ALL", "NET_RAW", "CHOWN"]) }, { requiredKeys: [] }),
        seccompProfile: fc.record({ type: fc.constantFrom("RuntimeDefault", "Unconfined", "Localhost") }),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ["name", "image"] },
);
const spec = fc.record(
  {
    containers: fc.array(container, { minLength: 1, maxLength: 3 }),
    initContainers: fc.array(container, { maxLength: 2 }),
    securityContext: fc.record({ runAsNonRoot: fc.boolean(), runAsUser: fc.constantFrom(0, 1000), seccompProfile: fc.record({ type: fc.constantFrom("RuntimeDefault", "Unconfined") }) }, { requiredKeys: [] }),
    hostUsers: fc.boolean(),
    os: fc.record({ name: fc.constantFrom("linux", "windows") }),
  },
  { requiredKeys: ["containers"] },
);
const workload = fc.oneof(
  spec.map((inner) => ({ apiVersion: "v1", kind: "Pod", metadata: { name: "app" }, spec: inner })),
  spec.map((inner) => ({ apiVersion: "batch/v1", kind: "CronJob", metadata: { name: "app" }, spec: { jobTemplate: { spec: { template: { spec: inner } } } } })),
);
const other = fc.oneof(
  fc.record({ apiVersion: fc.constant("v1"), kind: fc.constant("ServiceAccount"), metadata: fc.record({ name: fc.constantFrom("default", "app") }), automountServiceAccountToken: fc.boolean() }, { requiredKeys: ["apiVersion", "kind", "metadata"] }),
  fc.record({ apiVersion: fc.constant("policy/v1"), kind: fc.constant("PodDisruptionBudget"), metadata: fc.constant({ name: "app" }), spec: fc.record({ maxUnavailable: fc.constant(1), unhealthyPodEvictionPolicy: fc.constantFrom("IfHealthyBudget", "AlwaysAllow") }, { requiredKeys: [] }) }),
);
const anything = fc.oneof({ weight: 3, arbitrary: workload }, other) as fc.Arbitrary<Obj>;

/** Every leaf of the data by its path. */
function leaves(value: unknown, path = ""): [string, unknown][] {
  if (typeof value !== "object" || value === null) return [[path, value]];
  const entries = Array.isArray(value) ? value.map((item: unknown, index): [number, unknown] => [index, item]) : Object.entries(value);
  return entries.length === 0 ? [[path, value]] : entries.flatMap(([key, inner]) => leaves(inner, join(path, key)));
}

describe("remedies", () => {
  for (const id of Object.keys(REMEDIES)) {
    describe(id, () => {
      it("mends one of the policy's own examples at least", () => {
        const examples = rule(id).examples.fail as readonly Obj[];
        assert(examples.some((example) => findings(id, example).length > 0 && findings(id, mended(id, example)).length === 0));
      });
      it("has nothing to do where the policy is satisfied", () => {
        for (const example of rule(id).examples.pass as readonly Obj[]) if (findings(id, example).length === 0) assert.deepEqual(edits(id, example), []);
      });
      it("leaves fewer findings where it changes anything, and makes none of this or another remedied policy", () => {
        fc.assert(
          fc.property(anything, (data) => {
            if (findings(id, data).length === 0) assert.deepEqual(edits(id, data), []);
            const after = mended(id, data);
            if (edits(id, data).length > 0) assert(findings(id, after).length < findings(id, data).length);
            for (const policy of Object.keys(REMEDIES)) {
              const before = new Set(findings(policy, data).map(({ path }) => path));
              for (const { path } of findings(policy, after)) assert(before.has(path), `${policy} ${path}`);
            }
          }),
        );
      });
      it("is done after once", () => {
        fc.assert(fc.property(anything, (data) => assert.deepEqual(edits(id, mended(id, data)), [])));
      });
      it("touches only what it names, and replaces only what nobody has set", () => {
        fc.assert(
          fc.property(anything, (data) => {
            const named = edits(id, data).map(({ path }) => path);
            const covered = (path: string) => named.some((edit) => path === edit || path.startsWith(`${edit}.`) || path.startsWith(`${edit}[`));
            const before = leaves(data);
            const after = new Map(leaves(mended(id, data)));
            for (const [path, value] of before) {
              // An empty list or object on the way is filled; a list of dropped capabilities only grows in meaning.
              if (!covered(path) && !named.some((edit) => edit.startsWith(path))) assert.deepEqual(after.get(path), value, path);
            }
            for (const path of after.keys()) assert(covered(path) || before.some(([known]) => known === path), path);
          }),
        );
      });
    });
  }

  it("leave a container alone that Kubernetes would refuse, that is root, or that somebody has set otherwise", () => {
    assert.deepEqual(edits("no-privilege-escalation", pod({ securityContext: { privileged: true, allowPrivilegeEscalation: undefined } })), []);
    assert.deepEqual(edits("no-privilege-escalation", pod({ securityContext: { allowPrivilegeEscalation: undefined, capabilities: { add: ["CAP_SYS_ADMIN"] } } })), []);
    assert.deepEqual(edits("no-privilege-escalation", pod({ securityContext: { allowPrivilegeEscalation: true } })), []);
    assert.deepEqual(edits("drop-all-capabilities", pod({ securityContext: { capabilities: undefined, runAsUser: 0 } })), []);
    assert.deepEqual(edits("drop-all-capabilities", pod({ securityContext: { capabilities: undefined, allowPrivilegeEscalation: undefined } })), []);
    assert.deepEqual(edits("seccomp-profile", pod({ securityContext: { seccompProfile: { type: "Unconfined" } } }, { securityContext: { seccompProfile: { type: "Unconfined" } } })), []);
    assert.deepEqual(edits("run-as-non-root", pod({ securityContext: { runAsNonRoot: undefined, runAsUser: undefined } }, { securityContext: { runAsNonRoot: undefined, runAsUser: undefined } })), []);
    assert.deepEqual(edits("budget-unhealthy-pods", manifest("policy/v1", "PodDisruptionBudget", { spec: { unhealthyPodEvictionPolicy: "IfHealthyBudget" } })), []);
  });

  it("leave alone what a waiver exempts", () => {
    const subject = resource(deployment({ securityContext: { allowPrivilegeEscalation: undefined } }));
    const waiver = { rule: "no-privilege-escalation", resource: "Deployment/shop/app", reason: "needs its setuid helper", requestedBy: "a", approver: "b", expires: new Date(NOW.getTime() + 5 * DAY).toISOString().slice(0, 10), digest: `sha256:${"4e".repeat(32)}` };
    assert.equal(editsFor(rule("no-privilege-escalation"), subject, [], NOW).length, 1);
    assert.deepEqual(editsFor(rule("no-privilege-escalation"), subject, [waiver], NOW), []);
    assert.equal(editsFor(rule("no-privilege-escalation"), subject, [{ ...waiver, expires: "2026-11-01" }], NOW).length, 1);
  });

  it("change nothing that hangs on an unknown value, and still mend its neighbour", () => {
    const two = pod({}, { containers: [{ name: "a", securityContext: { allowPrivilegeEscalation: new Unknown("there") } }, { name: "b" }] });
    assert.deepEqual(edits("no-privilege-escalation", two), [{ path: "spec.containers[1].securityContext.allowPrivilegeEscalation", value: false }]);
    assert.deepEqual(edits("seccomp-profile", { ...pod(), spec: new Unknown("spec") }), []);
  });
});

describe("edits", () => {
  const key = fc.oneof(fc.nat({ max: 3 }), fc.string({ minLength: 1 }));
  it("a path has the keys that it was joined from", () => {
    fc.assert(fc.property(fc.array(key, { minLength: 1 }), (keys) => assert.deepEqual(keysOf(keys.reduce<string>(join, "")), keys)));
  });
  it("make what is absent, go through what holds values, and share what they don't touch", () => {
    const data = { kept: { deep: [1] }, held: { secret: { a: 1 } } };
    const opened = (value: unknown, change: (inner: unknown) => unknown) => (typeof value === "object" && value !== null && "secret" in value ? { secret: change(value.secret) } : change(value));
    const wanted: Edit[] = [{ path: "held.b", value: 2 }, { path: "new.er", value: true }];
    const after = applyEdits(data, wanted, opened) as typeof data;
    assert.deepEqual(after, { kept: { deep: [1] }, held: { secret: { a: 1, b: 2 } }, new: { er: true } });
    assert.equal(after.kept, data.kept);
    assert.deepEqual(data, { kept: { deep: [1] }, held: { secret: { a: 1 } } });
  });
  it("define a property named __proto__ like any other, and refuse to go through what is no object", () => {
    const after = applyEdits({}, [{ path: "__proto__.polluted", value: true }]) as object;
    assert.deepEqual(Object.getOwnPropertyNames(after), ["__proto__"]);
    assert.equal(({} as { polluted?: boolean }).polluted, undefined);
    assert.throws(() => applyEdits({ a: "text" }, [{ path: "a.b", value: 1 }]), /no object that could have b/);
    assert.throws(() => applyEdits({ a: {} }, [{ path: "a[0]", value: 1 }]), /no list/);
  });
});
