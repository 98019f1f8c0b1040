/** Whether two configurations of the Kubernetes provider point at the same cluster. */
import { existsSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import { revealMap, valuesEqual } from "./diff.ts";
import { Unknown, type PropertyMap, type PropertyValue } from "./model.ts";
import { isPropertyMap } from "./wire.ts";

/**
 * True when resources must be made anew: the cluster identifier changed, or, where no unchanged one says otherwise, the active cluster
 * of the kubeconfig did, or that can't be known yet. New credentials for the same cluster change nothing.
 */
export function apiServerChanged(before: PropertyMap, after: PropertyMap): boolean {
  const old = revealMap(before);
  const now = revealMap(after);
  const { clusterIdentifier: oldIdentifier } = old;
  const { clusterIdentifier: identifier } = now;
  if (identifier !== undefined && valuesEqual(oldIdentifier, identifier)) return false;
  if (identifier !== undefined && oldIdentifier !== undefined) return true;
  const keys = ["kubeconfig", "context", "cluster"];
  if (keys.some((key) => now[key] instanceof Unknown)) return true;
  if (keys.every((key) => valuesEqual(old[key], now[key]) || (old[key] === undefined && now[key] === undefined))) return false;
  const [oldCluster, cluster] = [old, now].map(activeCluster);
  return oldCluster !== undefined && cluster !== undefined && !valuesEqual(oldCluster, cluster);
}

/** The entry of the cluster that a configuration uses; undefined when its kubeconfig is absent or does not say. */
function activeCluster(configuration: PropertyMap): PropertyValue | undefined {
  const { kubeconfig, context, cluster } = configuration;
  const config = typeof kubeconfig === "string" ? readKubeconfig(kubeconfig) : kubeconfig;
  if (!isPropertyMap(config)) return undefined;
  const contextName = typeof context === "string" ? context : config["current-context"];
  const entry = named(config["contexts"], contextName)?.["context"];
  const clusterName = typeof cluster === "string" ? cluster : isPropertyMap(entry) ? entry["cluster"] : undefined;
  return named(config["clusters"], clusterName)?.["cluster"];
}

function named(list: PropertyValue | undefined, name: PropertyValue | undefined): PropertyMap | undefined {
  return Array.isArray(list) ? list.filter(isPropertyMap).find((entry) => entry["name"] === name) : undefined;
}

/** The provider takes a kubeconfig as text, YAML or JSON, or as the path of a file. */
function readKubeconfig(text: string): PropertyValue | undefined {
  try {
    return parse(existsSync(text) ? readFileSync(text, "utf8") : text) as PropertyValue;
  } catch {
    return undefined; // an unreadable one tells nothing about its cluster
  }
}
