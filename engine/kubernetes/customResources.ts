/** When custom resources count as made: by the annotation `pulumi.com/waitFor`, or for well-known kinds by what their controllers say. */
import { JSONPath } from "jsonpath-plus";
import { UserError } from "../errors.ts";
import { groupOf } from "../kubernetesKinds.ts";
import { releaseVerdict } from "./canaries.ts";
import { annotation, at, listAt, textAt, title, type Json, type JsonMap, type KubernetesObject } from "./objects.ts";
import { conditionOf, failed, READY, unseen, waiting, wordsOf, type Condition, type Verdict } from "./verdict.ts";

/**
 * The condition of the annotation: `condition=Type[=Status]`, `jsonpath={…}[=value]`, or a JSON list of such, all of which must hold.
 * undefined without the annotation, or where it asks a Canary for its verdict only, which is awaited anyway. Throws UserError when it cannot be understood.
 */
export function waitForCondition(object: KubernetesObject): Condition | undefined {
  const text = annotation(object, "pulumi.com/waitFor");
  if (text === "") return undefined;
  const asked = expressions(text);
  if (asked.length === 0) throw malformed(object, text, "at least one condition is needed");
  // Flagger's verdict tells more than its condition, which stays False for good where a release was taken back and nothing is left to judge.
  const others = isCanary(groupOf(object.apiVersion), object.kind) ? asked.filter((expression) => !/^condition=Promoted(=True)?$/i.test(expression)) : asked;
  if (others.length === 0) return undefined;
  const conditions = others.map((expression) => parseExpression(expression, object));
  return (live) => {
    const verdicts = conditions.map((condition) => condition(live));
    return verdicts.find(({ state }) => state === "failed") ?? verdicts.find(({ state }) => state === "waiting") ?? READY;
  };
}

type Check = (object: JsonMap) => Verdict;

function expressions(text: string): string[] {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed.map(String) : [text];
  } catch {
    return [text]; // the usual case: one expression, which is no JSON
  }
}

function malformed(object: KubernetesObject, text: string, rule: string): UserError {
  return new UserError(`${title(object)}: its annotation pulumi.com/waitFor is ${JSON.stringify(text)}: ${rule}.`, 'Write e.g. "condition=Ready" or "jsonpath={.status.phase}=Running".');
}

function parseExpression(expression: string, object: KubernetesObject): Check {
  if (expression.startsWith("condition=")) {
    const [type = "", status = "True"] = expression.slice("condition=".length).split("=");
    if (type === "") throw malformed(object, expression, "it names no condition");
    return (live) => judgeCondition(live, type, status);
  }
  if (expression.startsWith("jsonpath=")) {
    const match = /^jsonpath=['"]?(\{.*\})['"]?(?:=(.*))?$/s.exec(expression);
    if (match === null) throw malformed(object, expression, "a JSONPath stands in braces");
    const [, braces = "", value] = match;
    const path = toJsonPath(braces.slice(1, -1));
    return (live) => judgePath(live, path, braces, value);
  }
  throw malformed(object, expression, 'it must begin with "condition=" or "jsonpath="');
}

/** kubectl leaves out the root and may begin with a dot. */
function toJsonPath(path: string): string {
  const trimmed = path.trim();
  return trimmed.startsWith("$") ? trimmed : `$${trimmed.startsWith(".") || trimmed.startsWith("[") ? "" : "."}${trimmed}`;
}

function judgeCondition(live: JsonMap, type: string, status: string): Verdict {
  const condition = conditionOf(live, type);
  if (condition === undefined) return waiting(`it has no condition ${type} yet`);
  const observed = at(condition, "observedGeneration") ?? at(live, "status", "observedGeneration");
  const generation = at(live, "metadata", "generation");
  if (typeof observed === "number" && typeof generation === "number" && observed < generation) return waiting("its controller has not seen the change yet");
  const found = textAt(condition, "status");
  if (found.toLowerCase() === status.toLowerCase()) return READY;
  return waiting(`condition ${type} is ${found || "unknown"}${wordsOf(condition) === "" ? "" : ` (${wordsOf(condition)})`}`);
}

function judgePath(live: JsonMap, path: string, shown: string, wanted: string | undefined): Verdict {
  if (at(live, "status", "observedGeneration") !== undefined && unseen(live)) return waiting("its controller has not seen the change yet");
  const found: unknown = JSONPath({ path, json: live, wrap: true, eval: "safe" });
  const [first] = Array.isArray(found) ? (found as Json[]) : [];
  if (first === undefined) return waiting(`${shown} is not there yet`);
  if (wanted === undefined) return READY;
  const text = typeof first === "string" ? first : JSON.stringify(first);
  return text === wanted ? READY : waiting(`${shown} is ${text}, not ${wanted}`);
}

const condition = (type: string): Condition => (object) => judgeCondition(object, type, "True");

const certificate: Condition = (object) => {
  const verdict = judgeCondition(object, "Ready", "True");
  const issuing = conditionOf(object, "Issuing");
  return verdict.state === "waiting" && textAt(issuing, "status") === "False" && textAt(issuing, "reason") === "Failed" ? failed(wordsOf(issuing)) : verdict;
};

const application: Condition = (object) => {
  const sync = textAt(object, "status", "sync", "status");
  const health = textAt(object, "status", "health", "status");
  const phase = textAt(object, "status", "operationState", "phase");
  const message = textAt(object, "status", "operationState", "message");
  if (phase === "Failed" || phase === "Error") return failed(`its sync has failed: ${message}`);
  const problems = listAt(object, "status", "conditions").filter((entry) => textAt(entry, "type").endsWith("Error"));
  if (problems.length > 0) return failed(problems.map((entry) => `${textAt(entry, "type")}: ${textAt(entry, "message")}`).join("; "));
  return sync === "Synced" && health === "Healthy" ? READY : waiting(`${sync || "not synced yet"}, health ${health || "unknown"}`);
};

/** Group and kind, any version. */
const KINDS: { readonly [groupKind: string]: Condition } = {
  "cert-manager.io/Certificate": certificate,
  "cert-manager.io/Issuer": condition("Ready"),
  "cert-manager.io/ClusterIssuer": condition("Ready"),
  "external-secrets.io/ExternalSecret": condition("Ready"),
  "external-secrets.io/SecretStore": condition("Ready"),
  "external-secrets.io/ClusterSecretStore": condition("Ready"),
  "argoproj.io/Application": application,
  "gateway.networking.k8s.io/Gateway": condition("Programmed"),
  "gateway.networking.k8s.io/GatewayClass": condition("Accepted"),
};

/** The condition of a well-known kind; undefined for others, which count as made at once. */
export function knownCustomResource(group: string, kind: string): Condition | undefined {
  if (isCanary(group, kind)) return releaseVerdict();
  return KINDS[`${group}/${kind}`];
}

function isCanary(group: string, kind: string): boolean {
  return group === "flagger.app" && kind === "Canary";
}

/**
 * What an annotation can't say: a Canary's conditions are true of the release before until Flagger has looked at this one, so that whatever
 * its annotation asks for, its verdict is awaited as well.
 */
export function awaitedWhateverIsAsked(group: string, kind: string): Condition | undefined {
  return isCanary(group, kind) ? releaseVerdict() : undefined;
}

/** Both, the second once the first holds. */
export function both(first: Condition, second: Condition | undefined): Condition {
  if (second === undefined) return first;
  return async (object, around, update) => {
    const [left, right] = [await first(object, around, update), await second(object, around, update)];
    if (right.state === "failed" || left.state === "ready") return right;
    return right.state === "waiting" ? right : left;
  };
}
