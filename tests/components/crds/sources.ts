/** Where the definitions of a custom resource stand: a Go module, the same one as the controller's binary. */
export interface CrdSource {
  /** Module and version, as `go mod download` takes them. */
  readonly module: string;
  /** Files in it, one or more definitions each. */
  readonly files: readonly string[];
  /** Kind and served version of what the program renders. */
  readonly kinds: readonly string[];
  /** Of these objects only the fields named: what the program never renders would be most of the schema. A field left out is refused. */
  readonly only?: Readonly<Record<string, readonly string[]>>;
}

/** `npm run generate:crds` writes `schemas/` from these. */
export const crdSources: readonly CrdSource[] = [
  {
    module: "github.com/fluxcd/flagger@v1.44.0",
    files: ["artifacts/flagger/crd.yaml"],
    kinds: ["Canary/v1beta1", "MetricTemplate/v1beta1"],
  },
  {
    module: "sigs.k8s.io/gateway-api@v1.4.0",
    files: ["config/crd/standard/gateway.networking.k8s.io_gateways.yaml", "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml"],
    kinds: ["Gateway/v1", "HTTPRoute/v1"],
  },
  {
    module: "github.com/cert-manager/cert-manager@v1.19.1",
    files: ["deploy/crds/cert-manager.io_certificates.yaml", "deploy/crds/cert-manager.io_issuers.yaml"],
    kinds: ["Certificate/v1", "Issuer/v1"],
    only: { "spec.acme.solvers": ["http01"], "spec.acme.solvers.http01.gatewayHTTPRoute": ["parentRefs", "labels", "serviceType"], "spec.acme.solvers.http01": ["gatewayHTTPRoute"] },
  },
  {
    module: "github.com/external-secrets/external-secrets@v0.20.4",
    files: ["config/crds/bases/external-secrets.io_externalsecrets.yaml", "config/crds/bases/external-secrets.io_secretstores.yaml"],
    kinds: ["ExternalSecret/v1", "SecretStore/v1"],
    only: { "spec.provider": ["vault"] },
  },
];
