/** Bindings judged by the roles they give, where those are in the same stack. */
import { nameOf, namespaceOf, type Resource, type Stack } from "../resource.ts";
import { eachResource, stackRule, type Severity, type StackRule } from "../rule.ts";
import { list, text, type Obj } from "../value.ts";
import { grants, podExec, policyRules, READ, type PolicyRule } from "./rbac.ts";
import { manifest, patched } from "./examples.ts";

const RBAC = "rbac.authorization.k8s.io/v1";
/** Roles that Kubernetes brings along, of which it is known what they grant. */
const BUILT_IN = ["cluster-admin", "admin", "edit", "view"];

function roleOf(stack: Stack, binding: Resource): Resource | undefined {
  const [kind, name] = [text(binding.data, "roleRef", "kind"), text(binding.data, "roleRef", "name")];
  return stack.resources.find((role) => role.kind === kind && nameOf(role) === name && (kind === "ClusterRole" || namespaceOf(role) === namespaceOf(binding)));
}

const binding = (name: string, patch: Obj = {}): Obj => patched(manifest(RBAC, "RoleBinding", { roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name }, subjects: [{ kind: "User", name: "ann" }] }), patch);
const role = (...rules: Obj[]): Obj => manifest(RBAC, "Role", { rules: rules.map((rule) => ({ apiGroups: [""], ...rule })) });

function bindingRule(rule: { id: string; title: string; severity: Severity; why: string; fix: string; what: string; fail: Obj; pass?: readonly Obj[]; more?: readonly Obj[]; unseen?: true; bad: (rule: PolicyRule) => boolean }): StackRule {
  const { id, title, severity, why, fix } = rule;
  return stackRule({
    id, title, severity, why, fix,
    level: "mandatory",
    examples: {
      pass: [
        [binding("app"), role({ resources: ["configmaps"], verbs: ["get"] })],
        [binding("app", { subjects: [] }), role(rule.fail)],
        ...["system:node", "gce:podsecuritypolicy"].map((name) => [patched(binding("app"), { metadata: { name } }), role(rule.fail)]),
        ...BUILT_IN.map((name) => binding(name)),
        [binding("app"), patched(role(rule.fail), { metadata: { namespace: "other" } }), role({ resources: ["configmaps"], verbs: ["get"] })],
        ...(rule.pass ?? []).map((allowed) => [binding("app"), role(allowed)]),
        ...(rule.unseen ? [] : [binding("ghost")]),
      ],
      fail: [
        [binding("app"), role(rule.fail)],
        [patched(binding("app"), { metadata: { name: undefined } }), role({ resources: ["configmaps"], verbs: ["get"] }, rule.fail)],
        [{ ...binding("app", { roleRef: { kind: "ClusterRole", name: "wide" } }), kind: "ClusterRoleBinding" }, patched({ ...role(rule.fail), kind: "ClusterRole" }, { metadata: { name: "wide", namespace: undefined } })],
        ...(rule.more ?? []).map((granted) => [binding("app"), role(granted)]),
        ...(rule.unseen ? [binding("ghost")] : []),
      ],
    },
    check: (stack) =>
      eachResource(stack.resources.filter((resource) => resource.kind === "RoleBinding" || resource.kind === "ClusterRoleBinding"), (found) => {
        const given = roleOf(stack, found);
        const name = text(found.data, "roleRef", "name") ?? "";
        // Kubernetes and clouds bring bindings of their own along, which no program can change.
        if (list(found.data, "subjects").length === 0 || /^(system|gce):/.test(nameOf(found) ?? "")) return undefined;
        if (!given) return rule.unseen && !BUILT_IN.includes(name) ? { path: "roleRef.name", message: `role ${name} is not in this stack, so what it grants can't be seen` } : undefined;
        return policyRules(given.data).some(rule.bad) ? { path: "roleRef.name", message: `role ${name}, which it gives, ${rule.what}` } : undefined;
      }),
  });
}

const ALL_VERBS = ["get", "list", "watch", "create", "update", "patch", "delete"];

export const noAdminByAnotherName = bindingRule({
  id: "no-admin-binding", title: "Nobody is given a role that grants everything.", severity: "critical",
  why: "It is cluster-admin under another name.", fix: "Bind a role that lists what is needed.",
  what: "grants everything", fail: { apiGroups: ["*"], resources: ["*"], verbs: ["*"] },
  more: [{ apiGroups: ["*"], resources: ["*"], verbs: ALL_VERBS }],
  pass: [{ apiGroups: ["apps"], resources: ["*"], verbs: ["*"] }, { apiGroups: ["*"], resources: ["pods"], verbs: ["*"] }, ...ALL_VERBS.map((missing) => ({ apiGroups: ["*"], resources: ["*"], verbs: ALL_VERBS.filter((verb) => verb !== missing) }))],
  bad: ({ groups, resources, verbs }) => groups.includes("*") && resources.includes("*") && (verbs.includes("*") || ALL_VERBS.every((verb) => verbs.includes(verb))),
});
export const noExecBinding = bindingRule({
  id: "no-pod-exec-binding", title: "Nobody is given a role that opens shells or tunnels into pods.", severity: "high",
  why: "exec, attach and port-forward go past NetworkPolicies and into every secret that the pod holds.", fix: "Bind a role without pods/exec, pods/attach and pods/portforward.",
  what: "opens shells or tunnels into pods", fail: { resources: ["pods/exec"], verbs: ["create"] }, unseen: true,
  bad: podExec,
});
export const noSecretBinding = bindingRule({
  id: "no-secret-access-binding", title: "Nobody is given a role that reads secrets.", severity: "high",
  why: "One such account reads every password of the namespace.", fix: "Bind a role without secrets.",
  what: "reads secrets", fail: { resources: ["secrets"], verbs: ["list"] },
  bad: (rule) => grants(rule, "", ["secrets"], READ),
});
export const noPodCreateBinding = bindingRule({
  id: "no-pod-create-binding", title: "Nobody is given a role that creates pods.", severity: "medium",
  why: "A new pod mounts any secret and runs as any account of its namespace.", fix: "Give it to the deployer alone, and waive this for it.",
  what: "creates pods", fail: { resources: ["pods"], verbs: ["create"] },
  more: [{ apiGroups: ["apps"], resources: ["deployments"], verbs: ["create"] }],
  pass: [{ apiGroups: ["apps"], resources: ["deployments"], verbs: ["update"] }],
  bad: (rule) => grants(rule, "", ["pods"], ["create"]) || grants(rule, "apps", ["deployments"], ["create"]),
});
