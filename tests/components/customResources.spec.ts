import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { type Schema, Validator } from "@cfworker/json-schema";
import { type AnalysisArgs, Canary } from "../../components/index.ts";
import { crdSources } from "./crds/sources.ts";
import { type Inputs, type Registered, underMocks } from "./mocks.ts";
import { runStack } from "./program.ts";

const folder = resolve(__dirname, "crds/schemas");
const schemas = new Map(
  readdirSync(folder).map((file) => [
    file.replace(".json", ""),
    JSON.parse(readFileSync(resolve(folder, file), "utf8")) as Schema & { readonly $comment: string },
  ]),
);

/** What the resource's own definition objects to, by path; the API server would refuse it or drop the field. */
function objections(object: Inputs): string[] {
  const schema = schemas.get(String(object["kind"]));
  assert(schema !== undefined, `no definition of ${String(object["kind"])}`);
  const { errors } = new Validator(schema, "2020-12", false).validate(object);
  return errors.map(({ instanceLocation, error }) => `${instanceLocation}: ${error}`);
}

const builtIn = /^kubernetes:([a-z]+|[a-z.]+\.k8s\.io)\/v[0-9][^:]*:|^kubernetes:(core|apps|batch|policy|autoscaling)\//;
const custom = (registered: readonly Registered[]) =>
  registered.filter(({ type, inputs }) => type.startsWith("kubernetes:") && (!builtIn.test(type) || schemas.has(String(inputs["kind"]))));

const programs: Readonly<Record<string, [stack: string, more?: Record<string, unknown>]>> = {
  staging: ["staging"],
  production: ["production"],
  "production as a canary": ["production", { strategy: "canary" }],
  "production with a certificate authority of its own": ["production", { tls: { issuer: { type: "ca", caSecret: "root-ca" } } }],
};

const analyses: Readonly<Record<string, AnalysisArgs>> = {
  "steps of weight": { traffic: { kind: "weights", maxWeight: 40, stepWeight: 20 } },
  "session affinity": { traffic: { kind: "weights", sessionAffinity: { cookieName: "met" } } },
  "an A/B test": { traffic: { kind: "abTest", headers: { "x-canary": { exact: "insider" } }, iterations: 3 } },
  "mirrored traffic": { traffic: { kind: "mirror", iterations: 3 } },
};

const canaryWith = async (analysis: AnalysisArgs): Promise<Registered[]> => {
  const { registered } = await underMocks(
    () =>
      new Canary("audit", {
        app: "audit",
        namespace: "staging",
        environment: "staging",
        secretName: "rlhf-secrets",
        image: `ghcr.io/terragonlabs/rlhf-audit-trail@sha256:${"a".repeat(64)}`,
        gateway: { name: "audit", namespace: "staging" },
        prometheus: "http://prometheus.monitoring:9090",
        analysis,
      }),
    { preview: false },
  );
  return custom(registered);
};

describe("Custom resources against the definitions of their controllers", () => {
  for (const [title, [stack, more]] of Object.entries(programs)) {
    it(`${title}: every one is valid`, async () => {
      const found = custom((await runStack(stack, false, more)).registered);
      assert(found.length >= 4, `found ${found.length}`);
      assert.deepEqual(
        found.flatMap(({ name, inputs }) => objections(inputs).map((text) => `${name} ${text}`)),
        [],
      );
    });
  }

  for (const [title, analysis] of Object.entries(analyses)) {
    it(`a Canary with ${title} is valid`, async () => {
      const found = await canaryWith(analysis);
      assert(found.some(({ inputs }) => inputs["kind"] === "Canary"));
      assert.deepEqual(found.flatMap(({ inputs }) => objections(inputs)), []);
    });
  }

  it("meets every kind that is described, and no other", async () => {
    const met = new Set<string>();
    for (const [stack, more] of Object.values(programs)) {
      for (const { inputs } of custom((await runStack(stack, false, more)).registered)) met.add(String(inputs["kind"]));
    }
    assert.deepEqual([...met].sort(), [...schemas.keys()].sort());
    assert.deepEqual([...met].sort(), crdSources.flatMap(({ kinds }) => kinds.map((kind) => kind.split("/")[0])).sort());
  });

  const misplaced: Readonly<Record<string, (spec: Inputs) => Inputs>> = {
    "the mistake of placing the analysis's threshold beside it": (spec) => ({ ...spec, threshold: 5 }),
    "a template referred to by another name": (spec) => {
      const analysis = spec["analysis"] as Inputs;
      return { ...spec, analysis: { ...analysis, metrics: (analysis["metrics"] as Inputs[]).map((metric) => ({ ...metric, template: "success" })) } };
    },
    "a webhook of an unknown type": (spec) => {
      const analysis = spec["analysis"] as Inputs;
      return { ...spec, analysis: { ...analysis, webhooks: [{ name: "gate", type: "before-rollout", url: "http://gate" }] } };
    },
    "a weight that is text": (spec) => ({ ...spec, analysis: { ...(spec["analysis"] as Inputs), maxWeight: "50" } }),
  };
  for (const [title, edit] of Object.entries(misplaced)) {
    it(`refuses ${title}`, async () => {
      const canary = (await canaryWith({})).find(({ inputs }) => inputs["kind"] === "Canary")?.inputs as Inputs;
      assert.notDeepEqual(objections({ ...canary, spec: edit(canary["spec"] as Inputs) }), []);
    });
  }

  it("are described by the version that the source names", () => {
    for (const { module, kinds } of crdSources) {
      for (const kind of kinds) assert(schemas.get(kind.split("/")[0] as string)?.$comment.includes(module), kind);
    }
  });
});
