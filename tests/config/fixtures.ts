import { loadStackConfig } from "../../config/load.ts";
import { ConfigError } from "../../config/problems.ts";
import type { RawConfig } from "../../config/rawConfig.ts";
import type { StackConfig } from "../../config/stackConfig.ts";

export const project = "rlhf-audit-trail";
export const exampleImage = `ghcr.io/terragonlabs/rlhf-audit-trail@sha256:${"a".repeat(64)}`;

/** A configuration as people write it: top-level keys without their namespace. */
export type Written = Readonly<Record<string, unknown>>;

export const local: Written = {
  clusterName: "local",
  environment: "local",
  gateway: { enabled: false },
  tls: { enabled: false },
  secrets: { source: "existing" },
  blueGreen: { slots: { blue: { image: exampleImage } } },
};

export const production: Written = {
  clusterName: "production-eu-1",
  environment: "production",
  image: exampleImage,
  gateway: { hostname: "audit.example.com" },
  tls: { issuer: { email: "platform@example.com" } },
  secrets: { store: { address: "https://vault.example.com:8200" } },
  blueGreen: { active: "blue", slots: { blue: { image: exampleImage }, green: { image: exampleImage } } },
};

export const staging: Written = {
  ...production,
  clusterName: "staging-eu-1",
  environment: "staging",
  strategy: "canary",
};

/** Pulumi's form of a configuration: every value text, objects and lists as JSON. */
export function raw(stack: string, written: Written, secretKeys: readonly string[] = []): RawConfig {
  const entries = Object.entries(written).map(([name, value]) => [
    name.includes(":") ? name : `${project}:${name}`,
    typeof value === "string" ? value : JSON.stringify(value),
  ]);
  return {
    project,
    stack,
    all: Object.fromEntries(entries) as Record<string, string>,
    secretKeys: secretKeys.map((name) => `${project}:${name}`),
  };
}

/** The configuration with values put at dotted keys; undefined takes a key away. */
export function changed(written: Written, changes: Written): Written {
  const copy = structuredClone(written) as Record<string, unknown>;
  for (const [key, value] of Object.entries(changes)) {
    const path = key.split(".");
    let parent = copy;
    for (const member of path.slice(0, -1)) parent = (parent[member] ??= {}) as Record<string, unknown>;
    const last = path.at(-1)!;
    if (value === undefined) Reflect.deleteProperty(parent, last);
    else parent[last] = value;
  }
  return copy;
}

export function load(stack: string, written: Written): StackConfig {
  return loadStackConfig(raw(stack, written));
}

/** The error that a configuration is refused with; fails where it is accepted. */
export function refusal(config: RawConfig): ConfigError {
  try {
    loadStackConfig(config);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("The configuration was accepted.");
}
