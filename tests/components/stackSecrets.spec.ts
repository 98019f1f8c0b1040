import assert from "node:assert/strict";
import { StackSecrets, type StackSecretsArgs, type VaultArgs } from "../../components/index.ts";
import { type Inputs, at, bothWays, isAfter, one, underMocks, valueOf, without } from "./mocks.ts";

const vault: VaultArgs = {
  address: "https://vault.example.com:8200",
  role: "rlhf-audit-trail",
  keys: {
    "database-url": { key: "rlhf-audit-trail/database", property: "url" },
    "redis-url": { key: "rlhf-audit-trail/redis", property: "url" },
    "encryption-key": { key: "rlhf-audit-trail/crypto", property: "key" },
  },
};
const build = (more: Partial<StackSecretsArgs> = {}, preview = false) =>
  underMocks(() => new StackSecrets("secrets", { app: "audit", namespace: "production", source: vault, ...more }), { preview });

for (const { title, preview } of bothWays) {
  describe(`StackSecrets ${title}`, () => {
    it("makes a store and an external secret, and never a Secret", async () => {
      const { registered, made } = await build({}, preview);
      assert.deepEqual(registered.map(({ type }) => type.replace("kubernetes:", "")).sort(), [
        "core/v1:ServiceAccount",
        "external-secrets.io/v1:ExternalSecret",
        "external-secrets.io/v1:SecretStore",
        "rlhf-audit-trail:secrets:StackSecrets",
      ]);
      const external = one(registered, "ExternalSecret");
      assert(isAfter(registered, external, one(registered, "SecretStore")));
      assert.equal(await valueOf(made.secretName), "rlhf-secrets");
      assert.deepEqual(at(external.inputs, "metadata.annotations"), { "pulumi.com/waitFor": "condition=Ready" });
      assert.deepEqual(at(external.inputs, "spec"), {
        refreshInterval: "15m",
        secretStoreRef: { kind: "SecretStore", name: "vault-backend" },
        target: {
          name: "rlhf-secrets",
          creationPolicy: "Owner",
          deletionPolicy: "Retain",
          template: { metadata: { annotations: { "flagger.app/config-tracking": "disabled" } } },
        },
        data: Object.entries(vault.keys).map(([secretKey, remoteRef]) => ({ secretKey, remoteRef })),
      });
    });

    it("makes nothing where the Secret is there already, and returns its name", async () => {
      const { registered, made } = await build({ source: "existing", secretName: "made-by-hand" }, preview);
      assert.deepEqual(
        registered.map(({ name }) => name),
        ["secrets"],
      );
      assert.equal(await valueOf(made.secretName), "made-by-hand");
      assert.equal(made.secretStore, undefined);
    });

    it("lets every child be edited", async () => {
      const edit = { metadata: { labels: { edited: "yes" } } };
      const { registered } = await build({ transform: { serviceAccount: edit, secretStore: edit, externalSecret: edit } }, preview);
      for (const { inputs } of registered.filter(({ type }) => type.startsWith("kubernetes:"))) assert.deepEqual(at(inputs, "metadata"), edit.metadata);
    });
  });
}

describe("StackSecrets logs in with a token of its own", () => {
  const provider = async (more: Partial<VaultArgs>) =>
    at(one((await build({ source: { ...vault, ...more } })).registered, "SecretStore").inputs, "spec.provider.vault") as Inputs;

  it("that the vault asks the cluster about", async () => {
    assert.deepEqual(await provider({}), {
      server: vault.address,
      path: "secret",
      version: "v2",
      auth: { kubernetes: { mountPath: "kubernetes", role: "rlhf-audit-trail", serviceAccountRef: { name: "audit-secrets", audiences: ["vault"] } } },
    });
  });

  it("or whose signature the vault checks itself, ten minutes long", async () => {
    assert.deepEqual(await provider({ auth: "jwt", mount: "cluster-a", audience: "https://vault", path: "kv" }), {
      server: vault.address,
      path: "kv",
      version: "v2",
      auth: {
        jwt: {
          path: "cluster-a",
          role: "rlhf-audit-trail",
          kubernetesServiceAccountToken: { serviceAccountRef: { name: "audit-secrets", audiences: ["https://vault"] }, expirationSeconds: 600 },
        },
      },
    });
  });

  it("and never in the clear, and with all three keys", async () => {
    await assert.rejects(build({ source: { ...vault, address: "http://vault" } }), {
      message: "StackSecrets secrets: source.address is http://vault, must be an https:// address. A token sent in the clear is everybody's.",
    });
    const keys = without(vault.keys, "redis-url");
    await assert.rejects(
      build({ source: { ...vault, keys: keys as unknown as VaultArgs["keys"] } }),
      /source\.keys\.redis-url is missing, must be a key and a property in the vault\./,
    );
  });
});
