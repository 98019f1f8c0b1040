/** The package `kubernetes` in previews, without a cluster: names, immutable fields and defaults as Pulumi's provider has them. */
import { diffMaps, revealMap } from "./diff.ts";
import { UserError } from "./errors.ts";
import { apiServerChanged } from "./kubernetesConfig.ts";
import { isClusterScoped } from "./kubernetesKinds.ts";
import { assignName, isAutonamed, isNamed, nameOf, namespaceOf } from "./kubernetesNames.ts";
import { forcesReplacement, replacingFields } from "./kubernetesReplace.ts";
import { Secret, type PropertyChange, type PropertyMap, type PropertyValue } from "./model.ts";
import { parsePath, pathContains, type PropertyPath } from "./propertyPath.ts";
import type { CheckFailure, CheckRequest, CheckResult, DiffRequest, DiffResult, Provider } from "./provider.ts";
import { isPropertyMap } from "./wire.ts";

/** Written by the API server; of no meaning in inputs. */
const READ_ONLY_METADATA = ["creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "managedFields", "resourceVersion", "uid"];

/** Manages nothing: for previews of stacks whose cluster is not at hand. */
export const kubernetesPreview: Provider = {
  check: (request) => Promise.resolve(checkInputs(request)),
  diff: (request) => Promise.resolve(diffInputs(request)),
  create: ({ inputs }) => Promise.resolve({ id: "", outputs: inputs }),
  update: ({ newInputs }) => Promise.resolve({ outputs: newInputs }),
  delete: () => Promise.resolve(),
  read: ({ urn }) => Promise.reject(new UserError(`${urn} cannot be read without its cluster.`, "Use --engine pulumi.")),
  configurationReplaces: apiServerChanged,
};

/** Inputs with name, default namespace and secret marks; the same whether or not a cluster is at hand. */
export function checkInputs({ urn, type, name, newInputs, oldInputs, configuration, seed }: CheckRequest): CheckResult {
  const failures = refusals(type, newInputs);
  if (failures.length > 0) return { inputs: newInputs, failures };
  const inputs = { ...newInputs };
  const metadata = inputs["metadata"] ?? {};
  if (isPropertyMap(metadata)) {
    const kept = Object.fromEntries(Object.entries(metadata).filter(([key]) => !READ_ONLY_METADATA.includes(key)));
    inputs["metadata"] = assignName(kept, oldInputs?.["metadata"], { urn, name, seed });
    const namespace = configuration["namespace"];
    if (typeof namespace === "string" && namespace !== "" && namespaceOf(inputs) === "" && !isClusterScoped(inputs)) {
      inputs["metadata"] = { ...inputs["metadata"], namespace };
    }
  }
  if (inputs["kind"] === "Secret" && inputs["apiVersion"] === "v1") {
    for (const key of ["data", "stringData"]) {
      const value = inputs[key];
      if (value !== undefined && !(value instanceof Secret)) inputs[key] = new Secret(value);
    }
  }
  return { inputs, failures: [] };
}

function refusals(type: string, inputs: PropertyMap): CheckFailure[] {
  const metadata = inputs["metadata"];
  const generateName = isPropertyMap(metadata) ? metadata["generateName"] : undefined;
  const reasons: CheckFailure[] = [];
  if (type.startsWith("kubernetes:helm.sh/") || type.startsWith("kubernetes:kustomize")) {
    reasons.push({ property: "", reason: "Helm and Kustomize are not supported by the embedded engine; use --engine pulumi" });
  } else if (type.endsWith("List")) {
    reasons.push({ property: "kind", reason: "a list cannot be created; use the type of its items" });
  } else if (type.endsWith("Patch") && !isNamed(inputs)) {
    reasons.push({ property: "metadata.name", reason: "a patch needs the name of the object that it changes" });
  }
  if (generateName !== undefined && generateName !== null && generateName !== "" && !isNamed(inputs)) {
    reasons.push({ property: "metadata.generateName", reason: "is not supported with server-side apply; leave it out to get a generated name" });
  }
  return reasons;
}

/** Changes between old and new inputs, with those marked that the API server would refuse on an existing object. */
export function diffInputs({ type, oldInputs, newInputs, oldOutputs, ignoreChanges }: DiffRequest): DiffResult {
  const ignored = ignoreChanges.map(parsePath);
  const fields = type.endsWith("Patch") ? replacingFields({}) : replacingFields(newInputs);
  const changes: PropertyChange[] = [];
  for (const change of diffMaps(comparable(oldInputs), comparable(newInputs))) {
    const path = parsePath(change.path);
    if (ignored.some((pattern) => pathContains(pattern, path))) continue;
    const replaces = forcesReplacement(fields, path, change.after) || (change.path === "metadata" && change.kind === "delete");
    changes.push(mask({ ...change, replaces }, path, oldInputs, newInputs));
  }
  const sameObject = nameOf(newInputs) === (nameOf(oldOutputs) ?? nameOf(oldInputs)) && sameNamespace(oldInputs, newInputs);
  const replaced = changes.some(({ replaces }) => replaces);
  return { changes, deleteBeforeReplace: replaced && isNamed(newInputs) && !isAutonamed(newInputs["metadata"]) && sameObject };
}

/** Without secrets' marks, nulls and the difference between no namespace and "default". */
function comparable(inputs: PropertyMap): PropertyMap {
  const plain = withoutNulls(revealMap(inputs)) as PropertyMap;
  const metadata = plain["metadata"];
  if (!isPropertyMap(metadata)) return plain;
  const { namespace, ...rest } = metadata;
  const named = isClusterScoped(plain) ? rest : { ...rest, namespace: namespace === undefined || namespace === "" ? "default" : namespace };
  return { ...plain, metadata: named };
}

function withoutNulls(value: PropertyValue): PropertyValue {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isPropertyMap(value)) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== null);
  return Object.fromEntries(entries.map(([key, item]) => [key, withoutNulls(item)]));
}

function sameNamespace(before: PropertyMap, after: PropertyMap): boolean {
  return (namespaceOf(before) || "default") === (namespaceOf(after) || "default");
}

/** Marks the values of a change as secret where the inputs have a secret at its path, above or below. */
function mask(change: PropertyChange, path: PropertyPath, before: PropertyMap, after: PropertyMap): PropertyChange {
  if (!secretAt(before, path) && !secretAt(after, path)) return change;
  return {
    ...change,
    ...(change.before === undefined ? {} : { before: new Secret(change.before) }),
    ...(change.after === undefined ? {} : { after: new Secret(change.after) }),
  };
}

function secretAt(root: PropertyMap, path: PropertyPath): boolean {
  let value: PropertyValue | undefined = root;
  for (const key of path) {
    if (value instanceof Secret) return true;
    if (typeof key === "number") value = Array.isArray(value) ? value[key] : undefined;
    else value = isPropertyMap(value) ? value[key] : undefined;
  }
  return value !== undefined && hasSecret(value);
}

function hasSecret(value: PropertyValue): boolean {
  if (value instanceof Secret) return true;
  if (Array.isArray(value)) return value.some(hasSecret);
  return isPropertyMap(value) && Object.values(value).some(hasSecret);
}
