/** Every rule of the pack, in the order in which they are listed. */
import type { Rule } from "../rule.ts";
import * as argocd from "./argocd.ts";
import * as bindings from "./bindings.ts";
import * as canary from "./canary.ts";
import * as certificates from "./certificates.ts";
import * as compute from "./compute.ts";
import * as escalation from "./escalation.ts";
import * as evidence from "./evidence.ts";
import * as governance from "./governance.ts";
import * as identity from "./identity.ts";
import * as images from "./images.ts";
import * as isolation from "./isolation.ts";
import * as kernel from "./kernel.ts";
import * as metadata from "./metadata.ts";
import * as namespaceNetwork from "./isolation-network.ts";
import * as networkRules from "./network-rules.ts";
import * as namespaces from "./namespaces.ts";
import * as nodeAccess from "./node-access.ts";
import * as placement from "./placement.ts";
import * as probes from "./probes.ts";
import * as rbac from "./rbac.ts";
import * as routes from "./routes.ts";
import * as secretValues from "./secret-values.ts";
import * as secrets from "./secrets.ts";
import * as services from "./services.ts";
import * as slots from "./slots.ts";
import * as storage from "./storage.ts";
import * as targets from "./targets.ts";

const modules: readonly Readonly<Record<string, unknown>>[] = [
  escalation, kernel, isolation, nodeAccess, identity, images, compute, probes, placement,
  namespaceNetwork, networkRules, services, targets, routes, secrets, secretValues, rbac, bindings, metadata, certificates, storage, namespaces, canary, slots, argocd, governance, evidence,
];

function isRule(value: unknown): value is Rule {
  return typeof value === "object" && value !== null && "scope" in value && "check" in value;
}

/** All rules. */
export const RULES: readonly Rule[] = modules.flatMap((module) => Object.values(module).filter(isRule));
