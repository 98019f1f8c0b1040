/** Who may do what: rules of roles, and whom roles are given to. */
import { z } from "zod";
import { nameOf } from "../resource.ts";
import { each, resourceRule, type Finding, type ResourceRule, type Severity } from "../rule.ts";
import { list, text, texts, type Obj } from "../value.ts";
import { manifest } from "./examples.ts";

/** One rule of a role. */
export interface PolicyRule {
  readonly path: string;
  readonly groups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const ROLES = ["Role", "ClusterRole"];
const RBAC = "rbac.authorization.k8s.io/v1";
const RBAC_GROUP = "rbac.authorization.k8s.io";
const role = (resources: string[], verbs: string[], groups = [""]) => manifest(RBAC, "Role", { rules: [{ apiGroups: groups, resources, verbs }] });
const READER = role(["configmaps"], ["get", "list"]);

function roleRule(rule: { id: string; title: string; severity: Severity; mandatory?: boolean; kinds?: readonly string[]; why: string; fix: string; fail: readonly Obj[]; pass?: readonly Obj[]; bad: (rule: PolicyRule) => string | undefined }): ResourceRule {
  const { id, title, severity, why, fix, bad } = rule;
  return resourceRule({
    id, title, severity, why, fix,
    level: rule.mandatory === false ? "advisory" : "mandatory",
    kinds: rule.kinds ?? ROLES,
    examples: { pass: rule.pass ?? [READER], fail: rule.fail },
    check: ({ data }) => {
      const rules = list(data, "rules");
      return each(rules.map((_, index) => index), (index): Finding | undefined => {
        const read = policyRule(rules, index);
        const message = bad(read);
        return message === undefined ? undefined : { path: read.path, message };
      });
    },
  });
}

function policyRule(rules: readonly unknown[], index: number): PolicyRule {
  return { path: `rules[${index}]`, groups: texts(rules, index, "apiGroups"), resources: texts(rules, index, "resources"), verbs: texts(rules, index, "verbs") };
}

/** The rules of a role. @throws {UnknownRead} */
export function policyRules(role: unknown): PolicyRule[] {
  const rules = list(role, "rules");
  return rules.map((_, index) => policyRule(rules, index));
}

const any = (have: readonly string[], ...wanted: string[]) => have.includes("*") || wanted.some((name) => have.includes(name));
/** Whether a rule grants one of the verbs on one of the resources of a group, wildcards counted. */
export const grants = (rule: PolicyRule, group: string, resources: string[], verbs: string[]) => any(rule.groups, group) && any(rule.resources, ...resources) && any(rule.verbs, ...verbs);
/** The verbs that show contents. */
export const READ = ["get", "list", "watch"];
const WRITE = ["create", "update", "patch"];

export const noWildcardVerbs = roleRule({
  id: "no-wildcard-verbs", title: "No role grants every verb.", severity: "high",
  why: "* also grants verbs that are yet to come, and delete, escalate and impersonate.", fix: "List the verbs that are used.",
  fail: [role(["pods"], ["*"])],
  bad: ({ verbs }) => (verbs.includes("*") ? "every verb is granted" : undefined),
});
export const noWildcardResources = roleRule({
  id: "no-wildcard-resources", title: "No role grants every resource.", severity: "high",
  why: "* grants secrets, and every custom resource that is yet to come.", fix: "List the resources that are used.",
  fail: [role(["*"], ["get"])],
  bad: ({ resources }) => (resources.includes("*") ? "every resource is granted" : undefined),
});
export const noSecretAccess = roleRule({
  id: "no-secret-access", title: "No role reads secrets.", severity: "high",
  why: "list and watch show the contents too: one such account reads every password of the namespace.", fix: "Mount the one secret that is needed; or grant get with resourceNames and waive this.",
  pass: [READER, role(["secrets"], ["create", "delete"]), role(["secrets"], ["get"], ["apps"])],
  fail: [role(["secrets"], ["get"]), role(["*"], ["list"]), role(["configmaps", "secrets"], ["watch"]), role(["secrets"], ["*"], ["*"])],
  bad: (rule) => (grants(rule, "", ["secrets"], READ) ? "secrets can be read" : undefined),
});
export const noEscalationVerbs = roleRule({
  id: "no-escalation-verbs", title: "No role may bind, escalate or impersonate.", severity: "critical",
  why: "Each of them turns into every right of the cluster.", fix: "Remove the verb.",
  pass: [READER, role(["roles"], ["get", "list"], [RBAC_GROUP]), role(["pods"], ["*"]), role(["pods"], ["bind"]), role(["users"], ["*"], ["apps"]), role(["roles"], ["*"], ["apps"])],
  fail: [...["roles", "clusterroles", "rolebindings", "clusterrolebindings"].flatMap((resource) => ["bind", "escalate", "*"].map((verb) => role([resource], [verb], [RBAC_GROUP]))), ...["users", "groups", "serviceaccounts"].flatMap((resource) => ["impersonate", "*"].map((verb) => role([resource], [verb])))],
  bad: ({ verbs, resources, groups }) => {
    const wild = verbs.includes("*");
    if (verbs.includes("impersonate") || (wild && any(resources, "users", "groups", "serviceaccounts") && any(groups, ""))) return "other users can be impersonated";
    const roles = any(resources, "roles", "clusterroles", "rolebindings", "clusterrolebindings") && any(groups, "rbac.authorization.k8s.io");
    return roles && (wild || verbs.includes("bind") || verbs.includes("escalate")) ? "roles can be bound or escalated" : undefined;
  },
});
/** Whether a rule opens shells or tunnels into pods. */
export const podExec = (rule: PolicyRule) => grants(rule, "", ["pods/exec", "pods/attach", "pods/portforward", "pods/*"], ["create", "get"]);

export const noPodExec = roleRule({
  id: "no-pod-exec", title: "No role opens shells or tunnels into pods.", severity: "high",
  why: "exec, attach and port-forward go past NetworkPolicies and into every secret that the pod holds.", fix: "Remove pods/exec, pods/attach and pods/portforward; let people use ephemeral access instead.",
  pass: [READER, role(["pods/log"], ["get"]), role(["pods/exec"], ["delete"])],
  fail: [...["pods/exec", "pods/attach", "pods/portforward", "pods/*"].flatMap((resource) => ["create", "get"].map((verb) => role([resource], [verb]))), role(["*"], ["*"], ["*"])],
  bad: (rule) => (podExec(rule) ? "shells or tunnels into pods can be opened" : undefined),
});
export const noNodesProxy = roleRule({
  id: "no-nodes-proxy", title: "No role reaches nodes/proxy.", severity: "critical",
  why: "It talks to the kubelet directly: commands in every pod, past admission and audit.", fix: "Use nodes/metrics or nodes/stats.",
  pass: [READER, role(["nodes", "nodes/metrics"], ["get"]), role(["nodes/proxy"], ["delete"])],
  fail: [...[...READ, "create", "update", "patch"].map((verb) => role(["nodes/proxy"], [verb])), role(["nodes/*"], ["get"])],
  bad: (rule) => (grants(rule, "", ["nodes/proxy", "nodes/*"], [...READ, ...WRITE]) ? "nodes/proxy is granted" : undefined),
});
export const noCsrApproval = roleRule({
  id: "no-csr-approval", title: "No role approves certificate signing requests.", severity: "high",
  why: "Who approves can mint a certificate for any user, and it can't be revoked.", fix: "Leave it to the controllers.",
  pass: [READER, role(["certificatesigningrequests"], ["create", "update"], ["certificates.k8s.io"]), role(["signers"], ["sign"], ["certificates.k8s.io"]), role(["*"], ["update"]), role(["pods"], ["approve"])],
  fail: [...["certificatesigningrequests/approval", "certificatesigningrequests/*"].flatMap((resource) => ["update", "patch", "*"].map((verb) => role([resource], [verb], ["certificates.k8s.io"]))), role(["signers"], ["approve"], ["certificates.k8s.io"]), role(["*"], ["*"], ["*"])],
  // These names are of one group only, so a mistaken group doesn't hide what was meant.
  bad: ({ resources, verbs }) => ((any(resources, "certificatesigningrequests/approval", "certificatesigningrequests/*") && any(verbs, "update", "patch") && !resources.includes("*")) || (resources.includes("signers") && any(verbs, "approve")) || (resources.includes("*") && verbs.includes("*")) ? "certificate signing requests can be approved" : undefined),
});
export const noWebhookWrite = roleRule({
  id: "no-webhook-write", title: "No role changes admission webhooks.", severity: "high",
  why: "Who writes webhooks reads and changes every object on its way into the cluster.", fix: "Leave it to the cluster's owners.",
  pass: [READER, role(["validatingwebhookconfigurations"], ["get"], ["admissionregistration.k8s.io"])],
  fail: ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"].flatMap((resource) => ["create", "update", "patch", "delete", "deletecollection"].map((verb) => role([resource], [verb], ["admissionregistration.k8s.io"]))),
  bad: (rule) => (grants(rule, "admissionregistration.k8s.io", ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"], [...WRITE, "delete", "deletecollection"]) ? "admission webhooks can be changed" : undefined),
});

const WORKLOADS: readonly (readonly [group: string, resources: string[]])[] = [["", ["pods"]], ["apps", ["deployments", "daemonsets", "statefulsets", "replicasets"]], ["batch", ["jobs", "cronjobs"]]];

export const noPodCreate = roleRule({
  id: "no-pod-create", title: "No role creates pods, tokens or volumes, or deletes events.", severity: "medium", mandatory: false,
  why: "A new pod mounts any secret and runs as any account of its namespace; a token is an account; events are the trail.", fix: "Give deployers a role of their own, and waive this for it.",
  pass: [READER, role(["pods", "events"], ["update"]), role(["events"], ["create"])],
  fail: [...WORKLOADS.flatMap(([group, resources]) => resources.map((resource) => role([resource], ["create"], [group]))), role(["serviceaccounts/token"], ["create"]), role(["persistentvolumes"], ["create"]), ...["", "events.k8s.io"].flatMap((group) => ["delete", "deletecollection"].map((verb) => role(["events"], [verb], [group])))],
  bad: (rule) => {
    if (WORKLOADS.some(([group, resources]) => grants(rule, group, resources, ["create"]))) return "pods can be created";
    if (grants(rule, "", ["serviceaccounts/token"], ["create"])) return "tokens of service accounts can be made";
    if (grants(rule, "", ["persistentvolumes"], ["create"])) return "volumes onto the node can be made";
    return grants(rule, "", ["events"], ["delete", "deletecollection"]) || grants(rule, "events.k8s.io", ["events"], ["delete", "deletecollection"]) ? "events can be deleted" : undefined;
  },
});
export const noEndpointsWrite = roleRule({
  id: "no-endpoints-write", title: "No role changes endpoints or the status of Services.", severity: "medium", mandatory: false,
  why: "Endpoints written by hand send a Service's traffic anywhere, across namespaces.", fix: "Remove endpoints, endpointslices and services/status from the rule's writes.",
  pass: [READER, role(["endpoints", "services"], ["get"]), role(["services"], ["update"])],
  fail: [...["create", "update", "patch"].flatMap((verb) => [role(["endpoints"], [verb]), role(["services/status"], [verb])]), role(["endpointslices"], ["update"], ["discovery.k8s.io"])],
  bad: (rule) => (grants(rule, "", ["endpoints", "services/status"], WRITE) || grants(rule, "discovery.k8s.io", ["endpointslices"], WRITE) ? "endpoints can be changed" : undefined),
});

const BINDINGS = ["RoleBinding", "ClusterRoleBinding"];
const binding = (roleName: string, subject: Obj) => manifest(RBAC, "ClusterRoleBinding", { roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: roleName }, subjects: [subject] });
const PERSON: Obj = { kind: "User", name: "ann", apiGroup: "rbac.authorization.k8s.io" };

export const noClusterAdminBinding = resourceRule({
  id: "no-cluster-admin-binding",
  title: "Nobody is given cluster-admin.",
  severity: "critical",
  kinds: BINDINGS,
  why: "It grants everything, and no policy of the cluster holds against it.",
  fix: "Bind a role that lists what is needed.",
  parameters: z.strictObject({ roles: z.array(z.string()).default(["cluster-admin"]).describe("roles that may not be bound") }),
  examples: { pass: [binding("view", PERSON)], fail: [binding("cluster-admin", PERSON)] },
  check: ({ data }, { roles }) => {
    const name = text(data, "roleRef", "name") ?? "";
    return roles.includes(name) ? [{ path: "roleRef.name", message: `${name} is given to ${list(data, "subjects").length} subjects` }] : [];
  },
});

const EVERYBODY = ["system:anonymous", "system:unauthenticated", "system:authenticated", "system:masters"];

export const noSystemGroupBinding = resourceRule({
  id: "no-system-group-binding",
  title: "No role is given to everybody, or to the group that can't be restrained.",
  severity: "critical",
  kinds: BINDINGS,
  why: "system:anonymous, system:unauthenticated and system:authenticated are whoever reaches the API server; system:masters bypasses RBAC.",
  fix: "Bind named users, groups or service accounts.",
  parameters: z.strictObject({ subjects: z.array(z.string()).default(EVERYBODY).describe("users and groups that may not be bound"), allowedRoles: z.array(z.string()).default([]).describe("roles that anybody may be given, as system:public-info-viewer") }),
  examples: { parameters: { allowedRoles: ["discovery"] }, pass: [binding("view", PERSON), binding("discovery", { kind: "Group", name: "system:authenticated" })], fail: EVERYBODY.map((name) => binding("view", { kind: "Group", name })) },
  check: ({ data }, { subjects, allowedRoles }) =>
    allowedRoles.includes(text(data, "roleRef", "name") ?? "") ? [] : list(data, "subjects").flatMap((subject, index) => (subjects.includes(text(subject, "name") ?? "") ? [{ path: `subjects[${index}]`, message: `${text(subject, "name") ?? ""} is given ${text(data, "roleRef", "name") ?? "a role"}` }] : [])),
});

export const noDefaultAccountBinding = resourceRule({
  id: "no-default-account-binding",
  title: "No role is given to a default service account.",
  severity: "medium",
  level: "mandatory",
  kinds: BINDINGS,
  why: "Every pod that names no account has it.",
  fix: "Create a ServiceAccount for the workload and bind that.",
  examples: { pass: [binding("view", PERSON), binding("view", { kind: "ServiceAccount", name: "app" }), binding("view", { kind: "User", name: "default" })], fail: [binding("view", { kind: "ServiceAccount", name: "default", namespace: "shop" })] },
  check: ({ data }) => list(data, "subjects").flatMap((subject, index) => (text(subject, "kind") === "ServiceAccount" && text(subject, "name") === "default" ? [{ path: `subjects[${index}]`, message: "the default service account is given a role" }] : [])),
});

export const noPodExecBinding = resourceRule({
  id: "no-admin-role-binding",
  title: "Nobody is given Kubernetes' own admin or edit role.",
  severity: "low",
  kinds: BINDINGS,
  why: "admin and edit include secrets, exec and the creation of pods.",
  fix: "Bind a role that lists what is needed.",
  parameters: z.strictObject({ roles: z.array(z.string()).default(["admin", "edit"]).describe("roles meant") }),
  examples: { pass: [binding("view", PERSON)], fail: [binding("edit", PERSON), binding("admin", PERSON), { ...binding("edit", PERSON), metadata: { generateName: "a-" } }] },
  check: (resource, { roles }) => {
    const name = text(resource.data, "roleRef", "name") ?? "";
    return roles.includes(name) ? [{ path: "roleRef.name", message: `${nameOf(resource) ?? "a binding"} gives ${name}` }] : [];
  },
});
