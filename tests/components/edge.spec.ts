import assert from "node:assert/strict";
import { LiveRoute, PublicGateway, type PublicGatewayArgs, Tls, type TlsArgs } from "../../components/index.ts";
import { type Inputs, at, bothWays, isAfter, objectAt, one, underMocks, valueOf } from "./mocks.ts";

const place = { app: "audit", namespace: "production" };
const edit = { metadata: { labels: { edited: "yes" } } };
const gateway = (more: Partial<PublicGatewayArgs>, preview = false) =>
  underMocks(() => new PublicGateway("entrance", { ...place, className: "traefik", hostname: "audit.example.com", ...more }), { preview });
const tls = (more: Partial<TlsArgs>, preview = false) =>
  underMocks(() => new Tls("tls", { ...place, hostname: "audit.example.com", issuer: { type: "ca", caSecret: "audit-ca" }, ...more }), { preview });

for (const { title, preview } of bothWays) {
  describe(`PublicGateway ${title}`, () => {
    it("serves HTTPS with the certificate and sends everybody else there", async () => {
      const { registered, made } = await gateway({ tlsSecretName: "audit-tls" }, preview);
      const { inputs } = one(registered, "Gateway");
      const own = { hostname: "audit.example.com", allowedRoutes: { namespaces: { from: "Same" } } };
      assert.deepEqual(at(inputs, "spec"), {
        gatewayClassName: "traefik",
        listeners: [
          { name: "http", protocol: "HTTP", port: 80, ...own },
          {
            name: "https",
            protocol: "HTTPS",
            port: 443,
            tls: { mode: "Terminate", certificateRefs: [{ group: "", kind: "Secret", name: "audit-tls" }] },
            ...own,
          },
        ],
      });
      assert.deepEqual(at(inputs, "metadata.annotations"), { "pulumi.com/waitFor": "condition=Programmed" });
      const redirect = objectAt(one(registered, "HTTPRoute").inputs, "spec");
      assert.deepEqual(redirect["parentRefs"], [{ name: "audit", sectionName: "http" }]);
      assert.deepEqual(redirect["rules"], [{ filters: [{ type: "RequestRedirect", requestRedirect: { scheme: "https", port: 443, statusCode: 301 } }] }]);
      assert.equal(made.sectionName, "https");
      assert.equal(await valueOf(made.endpoint), "https://audit.example.com");
    });

    it("serves plain HTTP where there is no certificate", async () => {
      const { registered, made } = await gateway({ httpPort: 8000, gatewayName: "front" }, preview);
      assert.deepEqual(
        (at(one(registered, "Gateway").inputs, "spec.listeners") as Inputs[]).map(({ name, port }) => [name, port as number]),
        [["http", 8000]],
      );
      assert.equal(registered.length, 2);
      assert.equal(made.sectionName, "http");
      assert.equal(await valueOf(made.endpoint), "http://audit.example.com:8000");
      assert.equal(await valueOf(made.gatewayName), "front");
    });

    it("lets every child be edited", async () => {
      const { registered } = await underMocks(
        () =>
          new PublicGateway("entrance", {
            ...place,
            className: "traefik",
            hostname: "a.example.com",
            tlsSecretName: "t",
            transform: { gateway: edit, redirect: edit },
          }),
        { preview },
      );
      for (const { inputs } of registered.filter(({ type }) => type.startsWith("kubernetes:"))) assert.deepEqual(at(inputs, "metadata"), edit.metadata);
    });
  });

  describe(`LiveRoute ${title}`, () => {
    it("leads from the listener to the live Service", async () => {
      const entrance = { gatewayName: "audit", sectionName: "https", hostname: "audit.example.com" };
      const { registered } = await underMocks(() => new LiveRoute("live", { ...place, entrance, serviceName: "audit-service" }), { preview });
      const { inputs } = one(registered, "HTTPRoute");
      assert.deepEqual(at(inputs, "spec"), {
        parentRefs: [{ name: "audit", sectionName: "https" }],
        hostnames: ["audit.example.com"],
        rules: [{ matches: [{ path: { type: "PathPrefix", value: "/" } }], backendRefs: [{ name: "audit-service", port: 80 }] }],
      });
      assert.match(objectAt(inputs, "metadata.annotations")["pulumi.com/waitFor"] as string, /^jsonpath=.*Accepted.*=True$/);
      const edited = await underMocks(() => new LiveRoute("live", { ...place, entrance, serviceName: "audit-service", transform: { route: edit } }), {
        preview,
      });
      assert.deepEqual(at(one(edited.registered, "HTTPRoute").inputs, "metadata"), edit.metadata);
    });
  });

  describe(`Tls ${title}`, () => {
    it("asks for a certificate whose key changes at every renewal", async () => {
      const { registered, made } = await tls({}, preview);
      const certificate = one(registered, "Certificate");
      assert.deepEqual(at(certificate.inputs, "spec"), {
        secretName: "audit-tls",
        dnsNames: ["audit.example.com"],
        duration: "2160h",
        renewBefore: "720h",
        issuerRef: { group: "cert-manager.io", kind: "Issuer", name: "audit" },
        privateKey: { algorithm: "ECDSA", size: 256, rotationPolicy: "Always" },
        usages: ["digital signature", "server auth"],
      });
      assert.deepEqual(at(certificate.inputs, "metadata.annotations"), { "pulumi.com/waitFor": "condition=Ready" });
      assert(isAfter(registered, certificate, one(registered, "Issuer")));
      assert.equal(made.secretName, "audit-tls");
      assert.equal(made.certManager, undefined);
    });

    it("installs cert-manager first where it is asked to", async () => {
      const { registered } = await tls({ certManager: "install" }, preview);
      const installed = one(registered, "CertManager");
      assert.deepEqual(installed.inputs, { installCRDs: true, helmOptions: { name: "cert-manager", namespace: "cert-manager", createNamespace: true } });
      assert(isAfter(registered, one(registered, "Issuer"), installed));
    });

    it("lets every child be edited", async () => {
      const { registered } = await tls(
        { certManager: "install", transform: { issuer: edit, certificate: edit, certManager: { installCRDs: false } } },
        preview,
      );
      assert.deepEqual(at(one(registered, "Issuer").inputs, "metadata"), edit.metadata);
      assert.deepEqual(at(one(registered, "Certificate").inputs, "metadata"), edit.metadata);
      assert.equal(at(one(registered, "CertManager").inputs, "installCRDs"), false);
    });
  });
}

describe("Tls's issuer", () => {
  const issuer = async (more: Partial<TlsArgs>) => one((await tls(more)).registered, "Issuer").inputs["spec"] as Inputs;

  it("is a CA, an ACME server that is answered through the Gateway, or nobody", async () => {
    assert.deepEqual(await issuer({}), { ca: { secretName: "audit-ca" } });
    assert.deepEqual(await issuer({ issuer: { type: "selfSigned" } }), { selfSigned: {} });
    assert.deepEqual(
      await issuer({ issuer: { type: "acme", server: "https://acme.example.com/directory", email: "platform@example.com" }, gatewayName: "audit" }),
      {
        acme: {
          server: "https://acme.example.com/directory",
          email: "platform@example.com",
          privateKeySecretRef: { name: "audit-acme-account" },
          solvers: [{ http01: { gatewayHTTPRoute: { parentRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: "audit" }] } } }],
        },
      },
    );
  });

  it("is not waited for where its challenge needs the Gateway that waits for it", async () => {
    const { registered } = await tls({ issuer: { type: "acme", server: "https://acme.example.com", email: "a@example.com" }, gatewayName: "audit" });
    assert.deepEqual(at(one(registered, "Certificate").inputs, "metadata.annotations"), { "pulumi.com/skipAwait": "true" });
  });

  it("can't be ACME without a Gateway", async () => {
    await assert.rejects(tls({ issuer: { type: "acme", server: "https://acme.example.com", email: "a@example.com" } }), {
      message: "Tls tls: gatewayName is missing, must be the Gateway's name where the issuer is acme. The challenge is answered through it.",
    });
  });
});
