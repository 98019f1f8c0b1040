/** Secrets: where they are kept and how they are renewed. */
import { z } from "zod";
import { parseDuration } from "../kubernetes/quantity.ts";
import { resourceRule } from "../rule.ts";
import { get, text } from "../value.ts";
import { manifest } from "./examples.ts";

export const noPlainSecret = resourceRule({
  id: "no-plain-secret",
  title: "No Secret object is declared with its values.",
  severity: "high",
  kinds: ["Secret"],
  why: "Its values stand in the program, in its state and in every review of either; nobody rotates them.",
  fix: "Declare an ExternalSecret that fetches the values from the store, or a SealedSecret.",
  examples: {
    pass: [manifest("external-secrets.io/v1", "ExternalSecret", { spec: { refreshInterval: "15m" } })],
    fail: [manifest("v1", "Secret", { stringData: { password: "example" } })],
  },
  check: () => [{ path: "", message: "a Secret is declared, with its values wherever this declaration is kept" }],
});

const store = { secretStoreRef: { kind: "SecretStore", name: "vault" }, target: { name: "app" }, data: [{ secretKey: "url", remoteRef: { key: "app/db", property: "url" } }] };

export const externalSecretRefresh = resourceRule({
  id: "external-secret-refresh",
  title: "Every ExternalSecret is refreshed often enough.",
  severity: "medium",
  level: "mandatory",
  kinds: ["external-secrets.io/ExternalSecret", "external-secrets.io/ClusterExternalSecret"],
  why: "A secret rotated in the store reaches the workload only at the next refresh; 0 means never again.",
  fix: "Set spec.refreshInterval to 15m or less.",
  parameters: z.strictObject({ maxSeconds: z.int().positive().default(900).describe("longest interval in seconds") }),
  examples: {
    pass: [manifest("external-secrets.io/v1", "ExternalSecret", { spec: { ...store, refreshInterval: "15m" } })],
    fail: [
      manifest("external-secrets.io/v1", "ExternalSecret", { spec: { ...store, refreshInterval: "1h0m0s" } }),
      manifest("external-secrets.io/v1", "ExternalSecret", { spec: store }),
      manifest("external-secrets.io/v1", "ClusterExternalSecret", { spec: { externalSecretSpec: { ...store, refreshInterval: "16m" } } }),
      manifest("external-secrets.io/v1", "ClusterExternalSecret", { spec: { externalSecretSpec: { ...store, refreshPolicy: "OnChange" } } }),
      manifest("external-secrets.io/v1", "ExternalSecret", { spec: { ...store, refreshInterval: "soon" } }),
      manifest("external-secrets.io/v1", "ExternalSecret", { spec: { ...store, refreshInterval: "0" } }),
      manifest("external-secrets.io/v1", "ExternalSecret", { spec: { ...store, refreshInterval: "10m", refreshPolicy: "CreatedOnce" } }),
    ],
  },
  check: ({ kind, data }, { maxSeconds }) => {
    const keys = kind === "ClusterExternalSecret" ? ["spec", "externalSecretSpec"] : ["spec"];
    const spec = get(data, ...keys);
    const path = `${keys.join(".")}.refreshInterval`;
    const policy = text(spec, "refreshPolicy");
    if (policy === "CreatedOnce" || policy === "OnChange") return [{ path: `${keys.join(".")}.refreshPolicy`, message: `refreshPolicy ${policy} never fetches a rotated value` }];
    const written = get(spec, "refreshInterval");
    if (written === undefined) return [{ path, message: `no refreshInterval; the operator's default is 1h, at most ${maxSeconds} s are allowed` }];
    const seconds = parseDuration(written);
    if (seconds === undefined) return [{ path, message: `refreshInterval ${JSON.stringify(written)} is no duration; write 15m` }];
    if (seconds <= 0) return [{ path, message: "refreshInterval 0 never fetches a rotated value" }];
    return seconds > maxSeconds ? [{ path, message: `refreshInterval ${JSON.stringify(written)} is longer than ${maxSeconds} s` }] : [];
  },
});
