/** Every rule of the pack, in the order in which they are listed. */
import type { Rule } from "../rule.ts";
import * as argocd from "./argocd.ts";
import * as canary from "./canary.ts";
import * as compute from "./compute.ts";
import * as escalation from "./escalation.ts";
import * as evidence from "./evidence.ts";
import * as images from "./images.ts";
import * as isolation from "./isolation.ts";
import * as network from "./isolation-network.ts";
import * as probes from "./probes.ts";
import * as secrets from "./secrets.ts";

const modules: readonly Readonly<Record<string, unknown>>[] = [escalation, isolation, images, compute, probes, network, secrets, canary, argocd, evidence];

function isRule(value: unknown): value is Rule {
  return typeof value === "object" && value !== null && "scope" in value && "check" in value;
}

/** All rules. */
export const RULES: readonly Rule[] = modules.flatMap((module) => Object.values(module).filter(isRule));
