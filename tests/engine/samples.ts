/** An operation's result with one of everything, for what shows and writes results. */
import {
  type OperationResult,
  type ProjectStack,
  type PropertyMap,
  ResourceReference,
  Secret,
  type Step,
  Unknown,
} from "../../engine/model.ts";

export const stackUrn = "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev";
export const webUrn = "urn:pulumi:dev::shop::shop:app:Web::web";
/** URN of a Kubernetes resource below the component `web`. */
export const childUrn = (kind: string, name: string): string =>
  `urn:pulumi:dev::shop::shop:app:Web$kubernetes:${kind}::${name}`;

export const target: ProjectStack = {
  project: "shop",
  stack: "dev",
  organization: "organization",
  root: "/project",
  main: "index.ts",
  runtime: { typescript: true },
  configuration: { values: { "shop:token": "hunter2" }, secretKeys: ["shop:token"], secretTexts: ["hunter2"] },
};

/** A step with sensible defaults. */
export function step(
  operation: Step["operation"],
  urn: string,
  changes: Partial<Step> = {},
  inputs: PropertyMap = {},
): Step {
  const [types = "", name = ""] = urn.split("::").slice(2);
  const type = types.slice(types.lastIndexOf("$") + 1);
  const state = { inputs, outputs: inputs };
  return {
    operation,
    urn,
    type,
    name,
    custom: type.startsWith("kubernetes:"),
    parent: urn === stackUrn ? undefined : urn === webUrn ? stackUrn : webUrn,
    protect: false,
    dependencies: [],
    before: operation === "create" ? undefined : state,
    after: operation === "delete" ? undefined : state,
    changes: [],
    replaceReasons: [],
    ...changes,
  };
}

const deployment = childUrn("apps/v1:Deployment", "web-deployment");
const service = childUrn("core/v1:Service", "web-service");
const job = childUrn("batch/v1:Job", "web-job");

export const result: OperationResult = {
  steps: [
    step("same", stackUrn),
    step("same", webUrn),
    step("update", deployment, {
      changes: [
        { path: "spec.replicas", kind: "update", replaces: false, before: 2, after: 3 },
        { path: "spec.template.metadata.labels.tier", kind: "add", replaces: false, after: "front" },
        { path: "spec.paused", kind: "delete", replaces: false, before: true },
        {
          path: "spec.token",
          kind: "update",
          replaces: false,
          before: new Secret("old"),
          after: new Secret("hunter2"),
        },
        { path: "spec.url", kind: "update", replaces: false, before: "http://old", after: new Unknown() },
      ],
    }),
    step(
      "create",
      service,
      { dependencies: [deployment] },
      {
        metadata: { name: "web", labels: {} },
        spec: { ports: [{ port: 80 }, { port: 443, name: "tls" }], token: new Secret("hunter2") },
      },
    ),
    step("create-replacement", job, {
      changes: [{ path: "spec.template", kind: "update", replaces: true, before: { a: 1 }, after: { a: 2 } }],
      replaceReasons: ["spec.template"],
    }),
    step("replace", job, {
      changes: [{ path: "spec.template", kind: "update", replaces: true, before: { a: 1 }, after: { a: 2 } }],
      replaceReasons: ["spec.template"],
    }),
    step("delete", childUrn("core/v1:ConfigMap", "web-old"), { protect: true }),
    step("same", childUrn("core/v1:ServiceAccount", "web-account")),
    step("create", childUrn("cert:index:CertManager", "web-tls"), {
      note: "a remote component: what it makes is not shown",
    }),
    step("delete-replaced", job),
  ],
  outputs: {
    endpoint: "http://web",
    password: new Secret("hunter2"),
    later: new Unknown(),
    service: new ResourceReference(service),
  },
  findings: [
    {
      pack: "base",
      packVersion: "1.0.0",
      policy: "labels",
      level: "advisory",
      severity: "low",
      urn: service,
      message: "no team label",
    },
    {
      pack: "base",
      packVersion: "1.0.0",
      policy: "digest",
      level: "mandatory",
      severity: "high",
      urn: deployment,
      message: "image by tag\nsecond line with hunter2",
      description: "Images are named by digest.",
      remediation: "Name the image by digest.",
      url: "https://example.com/digest",
    },
    {
      pack: "base",
      packVersion: "1.0.0",
      policy: "budget",
      level: "mandatory",
      severity: "critical",
      message: "too dear",
    },
    {
      pack: "base",
      packVersion: "1.0.0",
      policy: "probes",
      level: "advisory",
      severity: "medium",
      urn: deployment,
      message: "no probe",
    },
  ],
  remediations: [
    {
      pack: "base",
      policy: "owner",
      urn: service,
      changes: [{ path: "metadata.labels.owner", kind: "add", replaces: false, after: "us" }],
    },
  ],
  packs: [
    {
      name: "base",
      version: "1.0.0",
      path: "/packs/base",
      digest: "a".repeat(64),
      configPath: "config/dev.json",
      configDigest: "b".repeat(64),
      policies: 4,
      disabled: ["names"],
      resourcesAnalyzed: 6,
      resourcesUnchecked: 0,
      stackAnalyzed: true,
    },
  ],
  diagnostics: [
    { severity: "error", message: "it broke", urn: deployment },
    { severity: "info", message: "half of ", streamId: 7 },
    { severity: "warning", message: "deprecated: hunter2" },
    { severity: "info", message: "a sentence", streamId: 7 },
    { severity: "info", message: "gone in a moment", ephemeral: true },
    { severity: "debug", message: "inside" },
  ],
  errors: [],
  durationMs: 1234.5,
};
