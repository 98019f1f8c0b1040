/** Why the pack and a source disagree, where they do for a reason. */
import type { Case } from "./scorecard-case.ts";

interface Note {
  readonly rule: RegExp;
  readonly expect: "allow" | "deny";
  readonly why: string;
}

const allow = (rule: RegExp, why: string): Note => ({ rule, expect: "allow", why });
const deny = (rule: RegExp, why: string): Note => ({ rule, expect: "deny", why });

const NOTES: readonly Note[] = [
  allow(/^disallow-capabilities-strict\/adding|^CKV_K8S_37|^insecureCapabilities/, "part of the check: the source's rule asks about added or some dropped capabilities only; the resource doesn't drop ALL"),
  allow(/^drop-all-capabilities/, "part of the check: the source's rule asks about drop only; the resource adds a capability"),
  allow(/^require-non-root-groups\/|^psp-check-supplemental-groups|^K8sPSPFSGroup/, "part of the check: the source's rule asks about fsGroup or supplementalGroups only; the resource names no runAsGroup"),
  allow(/^K8sPSP(ReadOnly|ProcMount|Privileged|HostNetworking)|^K8sDisallowedTags/, "exemption: the source exempts the image by a parameter; this pack exempts by waiver, with a reason and an end"),
  allow(/^K8sPSPSeccompV2/, "parameter: the source's parameter allows no profile at all"),
  allow(/^K8sDisallowAnonymous/, "exemption: the source exempts the role by a parameter; this pack exempts by waiver"),
  allow(/^(CKV_K8S_11|CKV_K8S_27) /, "wrong label: the file holds objects that fail, and this is one of them: no limit is declared, or the socket is mounted; or the source's annotation suppresses it"),
  allow(/^CKV_K8S_23 /, "weaker question: the source is content with a runAsUser above 0; Pod Security is not"),
  allow(/^(CKV_K8S_43|CKV_K8S_14) /, "wrong label: sha256:123456 is no digest, a runtime refuses it"),
  allow(/^linuxHardening/, "part of the check: one of several protections is enough for the source"),
  allow(/^docker-socket-check|^disallow-container-sock-mounts/, "part of the check: the source allows it by label, or asks about another runtime's socket"),
  allow(/^restrict-secrets-by-label|^restrict-automount-sa-token|^imagepullpolicy-always|^require-imagepullsecrets/, "weaker question: the source asks only of some images, labels or names"),
  allow(/^Pod Probes|^require-pod-probes/, "weaker question: the source is content with one kind of probe, or asks only where a Service leads"),
  allow(/^require-emptydir/, "part of the check: the source asks only of emptyDir volumes; the container declares no ephemeral-storage"),
  allow(/^restart-policy|^restrict-jobs|^hpaMaxAvailability|^non-isolated-pod|^disallow-empty-ingress-host|^encrypt-traffic/, "part of the check: the source's rule asks about another part; the resource breaks this one"),
  allow(/^(deprecated|non-existent)-service-account/, "part of the check: the resource breaks the other half, the account's existence or the deprecated field"),
  allow(/^clusterrolePodExecAttach/, "exemption: the source exempts Kubernetes' own roles by name"),
  allow(/^check-ingress-nginx/, "the source allows newer versions of a controller that has since been retired"),
  allow(/^add-psa-namespace-reporting/, "weaker question: the source asks for any level, privileged too"),
  allow(/^validate-userid|^prevent-duplicate-hpa|^K8sAllowedReposv2|^require-unique|^dangling-service$|^K8sUniqueServiceSelector/, "parameter or context: the source's limits, or the objects meant, are not part of the case"),
  deny(/^K8sContainerRatios|^K8sContainerRequests|^K8sRequiredResources/, "parameter: the source sets a maximum or asks of several resources; a maximum that fits one cluster is no rule of this pack"),
  deny(/^K8sStorageClass/, "parameter: the case doesn't say which classes are allowed"),
  deny(/^cert-manager-restrict-issuer/, "parameter: the issuer is bound to names of one company"),
  deny(/^require-reasonable-pdbs/, "parameter: the source wants at least half of the pods to be disruptable"),
  deny(/^restrict-node-affinity|^topologyspreadconstraints-policy|^check-hpa-exists|^enforce-sidecar-injection|^require-ingress-https\/has-annotation|^restrict-annotations\/block-flux|^restrict-storageclass/, "stricter question: a rule of one house (no affinity at all, certain keys, an autoscaler for all, a certain annotation or reclaim policy) that is no good practice for all"),
  deny(/^imagepullpolicy-always/, "the source doesn't apply the API server's default, which is Always for an image without tag"),
  deny(/^missingNetworkPolicy/, "the source takes a policy without rules for none; it is the strictest one"),
  deny(/^application-prevent-updates/, "needs the older object: a declared resource alone doesn't show that a field changed"),
  deny(/^set-seLinuxOptions/, "stricter question: the source asks for SELinux options to be set, which other sources deny"),
  deny(/^rule-credentials-in-env-var/, "the source flags references to Secrets and words inside values; this pack's secrets-as-files says the former"),
  deny(/^exposure-to-internet|^rule-can-ssh|^system-authenticated|^rule-access-dashboard/, "the source reports the workload or role at the end of a chain of objects; this pack reports the object that opens it"),
  deny(/^validate-userid-groupid-fsgroup|^verify-flux-sources/, "parameter: the source's limits or places belong to one house, and are only roughly said in this pack's terms"),
  deny(/^K8sHorizontalPodAutoscaler/, "part of another check: the target is missing, which autoscaler-has-target says"),
  deny(/^CKV_K8S_30/, "wrong label: the container has a securityContext, and the file's name says that it passes"),
  deny(/^K8sPSPFSGroup/, "parameter: the source allows no group at all"),
  deny(/^restart-policy/, "stricter question: the source refuses Never in a Job too, which is one of the two that a Job may have"),
];

/** The reason for a disagreement; undefined when none was written down. */
export function explain(found: Case): string | undefined {
  return NOTES.find((note) => note.expect === found.expect && note.rule.test(found.rule))?.why;
}
