/** What the law asks of logs, audit data and people's data, as far as it is declared. */
import { z } from "zod";
import { containersOf, POD_CARRIERS, podOf } from "../kubernetes/pods.ts";
import { labelsOf, nameOf, namespaceOf, stringMap, annotation } from "../resource.ts";
import { ask, each, eachResource, resourceRule, stackRule, type Finding } from "../rule.ts";
import { get, isObj, list, text, within, type Obj } from "../value.ts";
import { manifest, patched, pod } from "./examples.ts";

const RETENTION = "rlhf-audit-trail.dev/retention-days";
const RETENTION_NAME = /(^|[_.-])(log|logs|audit|event|events)?_?retention(_?(days|period|hours))?$/i;

/** Days in a written retention: `183`, `183d`, `4392h`, `26w`. */
function days(written: string, name: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(h|d|w|y|)$/.exec(written.trim());
  if (!match) return undefined;
  const factor = { h: 1 / 24, d: 1, w: 7, y: 365, "": /hours$/i.test(name) ? 1 / 24 : 1 }[match[2] ?? ""] ?? 1;
  return Number(match[1]) * factor;
}

const kept = (name: string, value: string) => pod({ env: [{ name, value }] });

export const logRetention = resourceRule({
  id: "log-retention",
  title: "Where the retention of logs is declared, it is half a year or more and within the declared storage limit.",
  severity: "high",
  kinds: [...POD_CARRIERS, "ConfigMap", "PersistentVolumeClaim"],
  why: "AI Act 19(1) and 26(6) ask providers and deployers to keep the logs for six months at least; GDPR 5(1)(e) asks for an end.",
  fix: `Raise the retention to 183 days or more, in the annotation ${RETENTION}, the *_RETENTION_DAYS variable or the retention_period of the log store.`,
  parameters: z.strictObject({ minDays: z.number().default(183).describe("fewest days"), maxDays: z.number().default(3650).describe("most days, the storage limit of the record of processing") }),
  examples: {
    pass: [
      ...["183", "3650", "183d", "4392h", "27w", "1y", " 200 ", "long", "x200", "30days"].map((value) => kept("AUDIT_RETENTION_DAYS", value)),
      kept("LOG_RETENTION_HOURS", "4392"), kept("PRETENTION", "1"), kept("RETENTION_NOTE", "1"), kept("LEVEL", "30"),
      pod({ env: [{ value: "1" }, { name: "LOG_RETENTION" }] }),
      manifest("v1", "ConfigMap", { data: { LEVEL: "30", note: "x retention: 30 days\nretention: 30h # why" } }), manifest("v1", "ConfigMap", {}), manifest("v1", "Secret", { data: { LOG_RETENTION_DAYS: "1" } }),
      manifest("v1", "ConfigMap", { data: { "loki.yaml": "retention_period: 4464h\n" } })],
    fail: [
      ...["182", "3651", "182d", "4391h", "26w", "11y"].map((value) => kept("LOG_RETENTION_DAYS", value)),
      kept("LOG_RETENTION_HOURS", "4391"), kept("retention", "30"), kept("app.events_retention_period", "30"),
      manifest("v1", "ConfigMap", { data: { LOG_RETENTION_DAYS: "30", "a.json": '{\n "retentionDays": 30,\n}' } }),
      pod({ env: [{ name: "LOG_RETENTION_DAYS", value: "30" }] }), manifest("v1", "ConfigMap", { data: { "loki.yaml": "limits:\n  retention_period: 720h\n" } }), manifest("v1", "PersistentVolumeClaim", { metadata: { annotations: { [RETENTION]: "90" } } }), pod({ env: [{ name: "LOG_RETENTION_DAYS", value: "99999" }] })],
  },
  check: (resource, { minDays, maxDays }) => {
    const judge = (path: string, name: string, written: string): Finding | undefined => {
      const kept = days(written, name);
      if (kept === undefined || (kept >= minDays && kept <= maxDays)) return undefined;
      return { path, message: `${name} is ${Math.floor(kept)} days, ${kept < minDays ? `fewer than ${minDays}` : `more than ${maxDays}`}` };
    };
    const pods = podOf(resource);
    const declared = annotation(resource.data, RETENTION);
    return [
      ...ask(() => (declared === undefined ? undefined : judge(`metadata.annotations["${RETENTION}"]`, RETENTION, declared))),
      ...each(pods ? containersOf(pods) : [], (container) =>
        list(container.spec, "env").flatMap((entry, index) => {
          const name = text(entry, "name") ?? "";
          const found = RETENTION_NAME.test(name) ? judge(within(container.path, `env[${index}].value`), name, text(entry, "value") ?? "") : undefined;
          return found ? [found] : [];
        }),
      ),
      ...(resource.kind === "ConfigMap" ? configured(resource.data, judge) : []),
    ];
  },
});

function configured(data: unknown, judge: (path: string, name: string, written: string) => Finding | undefined): Finding[] {
  const map = get(data, "data");
  return Object.keys(isObj(map) ? map : {}).flatMap((key) => {
    const content = text(map, key) ?? "";
    const own = RETENTION_NAME.test(key) ? judge(`data["${key}"]`, key, content) : undefined;
    const inside = [...content.matchAll(/^\s*"?(retention_period|retention|log_retention_days|retentionDays)"?\s*[:=]\s*"?(\d+(?:\.\d+)?[hdwy]?)"?\s*,?\s*$/gm)].map(([, name = "", written = ""]) => judge(`data["${key}"]`, name, written));
    return [own, ...inside].filter((found) => found !== undefined);
  });
}

const claim = (name: string, annotations: Obj = {}) => manifest("v1", "PersistentVolumeClaim", { metadata: { labels: { app: "audit" }, annotations }, spec: {} }, name);
const schedule = manifest("velero.io/v1", "Schedule", { spec: { schedule: "0 3 * * *", template: { includedNamespaces: ["shop"] } } }, "nightly");
const nightly = (includedNamespaces: string[]) => manifest("velero.io/v1", "Schedule", { spec: { template: { includedNamespaces } } }, "nightly");
const BACKUP = "rlhf-audit-trail.dev/backup";

export const auditStorageBackedUp = stackRule({
  id: "audit-storage-backed-up",
  title: "Audit storage has a backup.",
  severity: "medium",
  why: "AI Act 18 asks for documentation over ten years, GDPR 32(1)(c) for a way to restore: one disk is neither.",
  fix: `Add a Velero Schedule that includes the namespace, a VolumeSnapshot class with a schedule, or name the backup in the annotation ${BACKUP}.`,
  parameters: z.strictObject({ names: z.string().default("audit").describe("regular expression on the names and labels of claims that hold audit data") }),
  examples: {
    pass: [
      [claim("audit"), schedule], claim("audit", { "rlhf-audit-trail.dev/backup": "nightly to object store" }),
      manifest("v1", "PersistentVolumeClaim", { metadata: { labels: { app: "web" } } }, "web"),
      ...[["*"], [], ["other", "shop"]].map((includedNamespaces) => [claim("audit"), nightly(includedNamespaces)]),
      [claim("audit"), nightly(["other"]), schedule],
      [claim("audit"), manifest("volsync.backube/v1alpha1", "ReplicationSource", { spec: { sourcePVC: "audit" } }, "copy")],
    ],
    fail: [
      claim("audit"), claim("data"), patched(claim("AUDIT"), { metadata: { labels: { app: "web" } } }), { ...claim("x"), metadata: { generateName: "x", labels: { app: "audit" } } },
      [claim("audit"), nightly(["other"])],
      [claim("audit"), { ...schedule, apiVersion: "example.org/v1" }], [claim("audit"), { ...schedule, kind: "Backup" }],
      [claim("audit"), manifest("volsync.backube/v1alpha1", "ReplicationSource", { spec: { sourcePVC: "other" } }, "copy")], [claim("audit"), manifest("example.org/v1", "Copy", { spec: { sourcePVC: "audit" } }, "copy")],
    ],
  },
  check: (stack, { names }) => {
    const pattern = new RegExp(names, "i");
    const schedules = stack.resources.filter((resource) => resource.group === "velero.io" && resource.kind === "Schedule");
    const replicated = stack.resources.filter((resource) => resource.kind === "ReplicationSource");
    return eachResource(stack.resources.filter((resource) => resource.kind === "PersistentVolumeClaim"), (found) => {
      const words = [nameOf(found) ?? "", ...Object.values(labelsOf(get(found.data, "metadata")))];
      if (!words.some((word) => pattern.test(word)) || annotation(found.data, BACKUP) !== undefined) return undefined;
      const included = schedules.some((entry) => {
        const namespaces = list(entry.data, "spec", "template", "includedNamespaces");
        return namespaces.length === 0 || namespaces.includes("*") || namespaces.includes(namespaceOf(found));
      });
      const copied = replicated.some((entry) => text(entry.data, "spec", "sourcePVC") === nameOf(found));
      return included || copied ? undefined : { path: "", message: "the claim holds audit data and nothing backs it up" };
    });
  },
});

const EMAIL = /[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}/;

export const noPersonalData = resourceRule({
  id: "no-personal-data",
  title: "Labels, annotations and environment carry no person's address.",
  severity: "medium",
  kinds: ["*"],
  why: "They are copied into metrics, logs and traces, where nobody can erase them (GDPR 5(1)(c), 17).",
  fix: "Use a pseudonym or a team's name; waive it where a person must be named.",
  parameters: z.strictObject({ allowedKeys: z.array(z.string()).default(["policy.rlhf-audit-trail.dev/", "rlhf-audit-trail.dev/owner", "a8r.io/", "owner", "email"]).describe("beginnings of label and annotation keys that may carry one") }),
  examples: { pass: [pod({}, {}, { annotations: { owner: "team@example.org", "owner.example.org": "b@example.org" } }), pod({ env: [{ name: "URL", value: "https://ann@example.org/x" }, { name: "NOBODY" }] }), manifest("v1", "ConfigMap", {})], fail: [pod({}, {}, { annotations: { annotator: "ann@example.org" } }), pod({}, {}, { labels: { by: "ann@example.org" } }), pod({}, {}, { annotations: { "x-owner": "ann@example.org" } }), pod({ env: [{ name: "ANNOTATOR", value: "ann@example.org" }, {}] }), pod({ env: [{ value: "x ann@example.org" }] })] },
  check: (resource, { allowedKeys }) => {
    const keyed = (part: "labels" | "annotations") =>
      Object.entries(stringMap(get(resource.data, "metadata", part))).flatMap(([key, value]) => (EMAIL.test(value) && !allowedKeys.some((prefix) => key.startsWith(prefix)) ? [{ path: `metadata.${part}["${key}"]`, message: "it carries a person's address" }] : []));
    return [
      ...ask(() => keyed("labels")),
      ...ask(() => keyed("annotations")),
      ...ask(() => {
        const pods = podOf(resource);
        return each(pods ? containersOf(pods) : [], (container) => list(container.spec, "env").flatMap((entry, index) => (EMAIL.test((text(entry, "value") ?? "").replace(/:\/\/\S*/g, "")) ? [{ path: within(container.path, `env[${index}].value`), message: `${container.label} has a person's address in ${text(entry, "name") ?? ""}` }] : [])));
      }),
    ];
  },
});

const DESTINATIONS = "rlhf-audit-trail.dev/destinations";
const PRIVATE = /^(10\.|127\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|f[cd])/i;
const declaredSchema = z.array(z.strictObject({ cidr: z.string(), host: z.string(), region: z.string(), contract: z.string().min(1) }));
const policy = (cidr: string, annotations: Obj = {}) => manifest("networking.k8s.io/v1", "NetworkPolicy", { metadata: { annotations }, spec: { podSelector: { matchLabels: { app: "app" } }, policyTypes: ["Egress"], egress: [{ to: [{ ipBlock: { cidr } }], ports: [{ port: 443 }] }] } });
const said = (region: string): Obj => ({ [DESTINATIONS]: JSON.stringify([{ cidr: "203.0.113.0/24", host: "scanner.example.com", region, contract: "DPA-7" }]) });

export const egressResidency = resourceRule({
  id: "egress-residency",
  title: "Each destination outside the cluster says whose it is, in which region, and under which contract.",
  severity: "medium",
  kinds: ["NetworkPolicy"],
  why: "GDPR 28(3) asks for a contract with each processor, 44-49 for grounds to send data to third countries.",
  fix: `Add the annotation ${DESTINATIONS}: [{"cidr": …, "host": …, "region": …, "contract": …}] with a region that is allowed.`,
  parameters: z.strictObject({ regions: z.array(z.string()).default(["eu", "eea"]).describe("allowed regions, or their beginnings up to a hyphen: eu allows eu-central-1") }),
  examples: { pass: [policy("10.1.0.0/16"), policy("203.0.113.0/24", said("eu-central-1"))], fail: [policy("203.0.113.0/24"), policy("203.0.113.0/24", said("us-east-1")), policy("203.0.113.0/24", { [DESTINATIONS]: "none" })] },
  check: ({ data }, { regions }) => {
    const written = annotation(data, DESTINATIONS);
    const declared = parseDestinations(written);
    if (written !== undefined && !declared) return [{ path: `metadata.annotations["${DESTINATIONS}"]`, message: "it is no list of destinations" }];
    return list(data, "spec", "egress").flatMap((rule, i) =>
      list(rule, "to").flatMap((peer, j): Finding[] => {
        const cidr = text(peer, "ipBlock", "cidr");
        if (cidr === undefined || PRIVATE.test(cidr)) return [];
        const path = `spec.egress[${i}].to[${j}].ipBlock`;
        const entry = declared?.find((candidate) => candidate.cidr === cidr);
        if (!entry) return [{ path, message: `nothing says who is behind ${cidr}` }];
        return regions.some((region) => entry.region === region || entry.region.startsWith(`${region}-`)) ? [] : [{ path, message: `${entry.host} is in ${entry.region}, not in ${regions.join(" or ")}` }];
      }),
    );
  },
});

function parseDestinations(written: string | undefined): z.output<typeof declaredSchema> | undefined {
  if (written === undefined) return undefined;
  try {
    return declaredSchema.safeParse(JSON.parse(written)).data;
  } catch {
    return undefined;
  }
}

