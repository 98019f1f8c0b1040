/**
 * When a custom resource counts as made. Pulumi's provider waits by itself for Deployments, Jobs and Services only;
 * for everything else it reads the annotation, and without it goes on at once.
 */
const conditions = {
  // True once Flagger has made the primary; of a later revision it says nothing until the analysis has begun.
  Canary: "condition=Promoted",
  Certificate: "condition=Ready",
  ExternalSecret: "condition=Ready",
  Gateway: "condition=Programmed",
  HTTPRoute: "jsonpath={.status.parents[0].conditions[?(@.type=='Accepted')].status}=True",
  Issuer: "condition=Ready",
  SecretStore: "condition=Ready",
} as const;

/** The annotation that makes `up` wait until a resource of this kind has done its work. */
export function awaiting(kind: keyof typeof conditions): Record<string, string> {
  return { "pulumi.com/waitFor": conditions[kind] };
}
