/** What a namespace needs around its workloads, and hosts that are claimed twice. */
import { z } from "zod";
import { nameOf, namespaceOf, stringMap } from "../resource.ts";
import { eachResource, resourceRule, stackRule } from "../rule.ts";
import { get, list, text, type Obj } from "../value.ts";
import { deployment, manifest } from "./examples.ts";
import { ofKind } from "../stack-index.ts";

const NAMESPACE = manifest("v1", "Namespace", { metadata: { namespace: undefined } }, "shop");
const QUOTA = manifest("v1", "ResourceQuota", { spec: { hard: { pods: "20" } } });
const LIMITS = manifest("v1", "LimitRange", { spec: { limits: [] } });

export const namespaceQuota = stackRule({
  id: "namespace-quota",
  title: "Every namespace has a quota and a limit range.",
  severity: "low",
  why: "One namespace otherwise takes the whole cluster, and containers without requests have no default.",
  fix: "Add a ResourceQuota and a LimitRange to the namespace.",
  examples: { pass: [[NAMESPACE, QUOTA, LIMITS]], fail: [NAMESPACE, [NAMESPACE, QUOTA]] },
  check: (stack) =>
    eachResource(ofKind(stack, "Namespace"), (found) => {
      const missing = ["ResourceQuota", "LimitRange"].filter((kind) => !ofKind(stack, kind).some((other) => namespaceOf(other) === nameOf(found)));
      return missing.length === 0 ? undefined : { path: "metadata.name", message: `the namespace has no ${missing.join(" and no ")}` };
    }),
});

const ingress = (name: string, host: string, path = "/"): Obj => manifest("networking.k8s.io/v1", "Ingress", { spec: { rules: [{ host, http: { paths: [{ path, pathType: "Prefix" }] } }] } }, name);

export const ingressHostUnique = stackRule({
  id: "ingress-host-unique",
  title: "No two Ingresses claim the same host and path.",
  severity: "medium",
  why: "Which of them answers depends on the controller and on their age: a way to take over another's visitors.",
  fix: "Let one Ingress own the host, or give them different paths.",
  examples: { pass: [[ingress("a", "a.example.com"), ingress("b", "b.example.com")], [ingress("a", "a.example.com", "/x"), ingress("b", "a.example.com", "/y")]], fail: [[ingress("a", "a.example.com"), ingress("b", "a.example.com")]] },
  check: (stack) => {
    const claims = (data: unknown) => list(data, "spec", "rules").flatMap((rule) => list(rule, "http", "paths").map((path) => `${text(rule, "host") ?? "*"}${text(path, "path") ?? "/"}`));
    const all = ofKind(stack, "Ingress");
    return eachResource(all, (found) => {
      const own = claims(found.data);
      const twin = all.find((other) => other !== found && claims(other.data).some((claim) => own.includes(claim)));
      return twin ? { path: "spec.rules", message: `Ingress ${nameOf(twin) ?? ""} claims the same host and path` } : undefined;
    });
  },
});

export const volumeClaimAnnotations = resourceRule({
  id: "volume-claim-annotations",
  title: "The claims of a StatefulSet carry the annotations that are required.",
  severity: "low",
  kinds: ["StatefulSet"],
  why: "Backup and encryption tools find a volume by its annotations.",
  fix: "Add the annotation to volumeClaimTemplates[].metadata.annotations.",
  parameters: z.strictObject({ required: z.array(z.string()).default([]).describe("annotations that each claim must carry") }),
  examples: {
    parameters: { required: ["backup.example.com/schedule"] },
    pass: [{ ...deployment({}, {}, { spec: { volumeClaimTemplates: [{ metadata: { annotations: { "backup.example.com/schedule": "daily" } } }] } }), kind: "StatefulSet" }],
    fail: [{ ...deployment({}, {}, { spec: { volumeClaimTemplates: [{ metadata: { name: "data" } }] } }), kind: "StatefulSet" }],
  },
  check: ({ data }, { required }) =>
    list(data, "spec", "volumeClaimTemplates").flatMap((template, index) => {
      const own = stringMap(get(template, "metadata", "annotations"));
      return required.filter((key) => own[key] === undefined).map((key) => ({ path: `spec.volumeClaimTemplates[${index}].metadata.annotations`, message: `the claim has no annotation ${key}` }));
    }),
});
