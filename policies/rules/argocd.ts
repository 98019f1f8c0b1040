/** Argo CD: who decides when an environment changes. */
import { z } from "zod";
import { resourceRule, type Finding } from "../rule.ts";
import { get, has, list, text, texts, type Obj } from "../value.ts";
import { nameOf, type Resource } from "../resource.ts";
import { manifest, patched } from "./examples.ts";

const SOUND: Obj = {
  project: "shop",
  source: { repoURL: "https://git.example.com/shop/deploy", targetRevision: "v1.4.2", path: "environments/production" },
  destination: { server: "https://kubernetes.default.svc", namespace: "production" },
  syncPolicy: { syncOptions: ["CreateNamespace=true"] },
};
const application = (patch: Obj = {}, name = "shop-production") => manifest("argoproj.io/v1alpha1", "Application", { spec: patched(SOUND, patch) }, name);

const elsewhere = (patch: Obj) => manifest("argoproj.io/v1alpha1", "Application", { spec: patched(patched(SOUND, { source: { path: "deploy" }, destination: { namespace: "shop" } }), patch) }, "shop");
const applicationsOf = (patch: Obj) => manifest("argoproj.io/v1alpha1", "ApplicationSet", { spec: { template: { spec: patched(SOUND, patch) } } }, "shop");

/** What an Application asks for, or what each Application of a set does, and where that stands. */
function applicationOf({ kind, data }: Resource): { spec: unknown; at: string } {
  return kind === "ApplicationSet" ? { spec: get(data, "spec", "template", "spec"), at: "spec.template.spec" } : { spec: get(data, "spec"), at: "spec" };
}

export const argoProductionManualSync = resourceRule({
  id: "argo-production-manual-sync",
  title: "No Argo CD Application syncs production by itself.",
  severity: "high",
  kinds: ["argoproj.io/Application", "argoproj.io/ApplicationSet"],
  why: "An automated sync takes every merge to production: nobody approves, and human oversight (AI Act 14) is gone.",
  fix: "Remove spec.syncPolicy.automated, and sync by a person or a release.",
  parameters: z.strictObject({ production: z.string().default("(^|[-_/.])(prod|production|live)($|[-_/.])").describe("regular expression on the application's name, destination namespace and cluster, and path") }),
  examples: {
    pass: [application(), application({ destination: { namespace: "staging" }, source: { path: "environments/staging" }, syncPolicy: { automated: { prune: true } } }, "shop-staging"), application({ syncPolicy: { automated: { enabled: false } } }), elsewhere({ syncPolicy: { automated: {} } }), elsewhere({ destination: { namespace: "reproduction" }, syncPolicy: { automated: {} } })],
    fail: [
      application({ syncPolicy: { automated: {} } }),
      application({ syncPolicy: { automated: { prune: true, selfHeal: true, enabled: true } } }),
      ...[{ destination: { namespace: "PROD" } }, { destination: { server: undefined, name: "eu-prod" } }, { source: { path: "environments/live" } }, { source: undefined, sources: [{ path: "a" }, { path: "b/prod" }] }].map((patch) => elsewhere({ ...patch, syncPolicy: { automated: {} } })),
      applicationsOf({ syncPolicy: { automated: {} } }),
    ],
  },
  check: (resource, { production }) => {
    const { spec, at } = applicationOf(resource);
    const automated = get(spec, "syncPolicy", "automated");
    if (automated === undefined || get(automated, "enabled") === false) return [];
    const pattern = new RegExp(production, "i");
    const places = [nameOf(resource), text(spec, "destination", "namespace"), text(spec, "destination", "name"), text(spec, "source", "path"), ...list(spec, "sources").map((source) => text(source, "path"))];
    const place = places.find((candidate) => candidate !== undefined && pattern.test(candidate));
    return place === undefined ? [] : [{ path: `${at}.syncPolicy.automated`, message: `${place} is production and is synced automatically` }];
  },
});

export const argoPinnedRevision = resourceRule({
  id: "argo-pinned-revision",
  title: "Every Argo CD Application follows a named revision, not HEAD.",
  severity: "medium",
  kinds: ["argoproj.io/Application", "argoproj.io/ApplicationSet"],
  why: "HEAD changes under a reviewed application: what is synced tomorrow was never looked at.",
  fix: "Set targetRevision to a tag, a commit, or a chart's exact version.",
  examples: { pass: [application(), ...["release/main", "mainline", "0a1b2c3", "v1.x-final", "1.2.3"].map((targetRevision) => application({ source: { targetRevision } })), applicationsOf({})], fail: [applicationsOf({ source: { targetRevision: "main" } }), application({ source: undefined, sources: [{ targetRevision: "v1" }, { targetRevision: "master" }] }), application({ source: { targetRevision: "refs/heads/main" } }), ...["1.x", "~1.2", ">=1"].map((targetRevision) => application({ source: { chart: "redis", path: undefined, targetRevision } })), application({ source: { targetRevision: "HEAD" } }), application({ source: { targetRevision: undefined } }), application({ source: { chart: "redis", path: undefined, targetRevision: "18.*" } })] },
  check: (resource) => {
    const { spec, at } = applicationOf(resource);
    const sources = has(spec, "source") ? [{ path: `${at}.source`, source: get(spec, "source") }] : list(spec, "sources").map((source, index) => ({ path: `${at}.sources[${index}]`, source }));
    return sources.flatMap(({ path, source }): Finding[] => {
      const revision = text(source, "targetRevision") ?? "";
      if (revision !== "" && !/^(refs\/heads\/)?(HEAD|main|master)$/i.test(revision) && !/[*^~<>]|(^|\.)x($|\.)/.test(revision)) return [];
      return [{ path: `${path}.targetRevision`, message: revision === "" ? "no targetRevision, so HEAD is followed" : `targetRevision ${revision} moves` }];
    });
  },
});

const project = (spec: Obj) => manifest("argoproj.io/v1alpha1", "AppProject", { spec }, "shop");
const BOUNDED: Obj = {
  sourceRepos: ["https://git.example.com/shop/deploy"],
  destinations: [{ server: "https://kubernetes.default.svc", namespace: "production" }],
  clusterResourceWhitelist: [],
  syncWindows: [{ kind: "allow", schedule: "0 8 * * 1-5", duration: "8h", applications: ["*"] }],
};

export const argoProjectBounded = resourceRule({
  id: "argo-project-bounded",
  title: "Every AppProject names its repositories and destinations, without wildcards.",
  severity: "medium",
  kinds: ["argoproj.io/AppProject"],
  why: "A project with * lets any repository write to any namespace of any cluster.",
  fix: "List sourceRepos and destinations one by one.",
  examples: { pass: [project(BOUNDED)], fail: [project({ ...BOUNDED, sourceRepos: ["*"] }), project({ ...BOUNDED, destinations: [{ server: "*", namespace: "*" }] }), ...["server", "name", "namespace"].map((key) => project({ ...BOUNDED, destinations: [{ server: "https://a", namespace: "a" }, { server: "https://a", namespace: "a", [key]: "*" }] }))] },
  check: ({ data }) => [
    ...(texts(data, "spec", "sourceRepos").includes("*") ? [{ path: "spec.sourceRepos", message: "every repository may deploy" }] : []),
    ...list(data, "spec", "destinations").flatMap((destination, index): Finding[] => (text(destination, "namespace") === "*" || text(destination, "server") === "*" || text(destination, "name") === "*" ? [{ path: `spec.destinations[${index}]`, message: "every namespace or cluster may be deployed to" }] : [])),
  ],
});

export const argoSyncWindows = resourceRule({
  id: "argo-sync-windows",
  title: "Every production AppProject has sync windows.",
  severity: "low",
  kinds: ["argoproj.io/AppProject"],
  why: "Without a window a change reaches production when nobody is there to see it fail.",
  fix: "Add spec.syncWindows with the hours in which changes are wanted.",
  parameters: z.strictObject({ production: z.string().default("(^|[-_/.])(prod|production|live)($|[-_/.])").describe("regular expression on the project's name and destination namespaces") }),
  examples: { pass: [project(BOUNDED), project({ ...BOUNDED, destinations: [{ namespace: "staging" }], syncWindows: undefined })], fail: [project({ ...BOUNDED, syncWindows: undefined }), project({ ...BOUNDED, syncWindows: [] }), manifest("argoproj.io/v1alpha1", "AppProject", { spec: {} }, "shop-LIVE")] },
  check: (resource, { production }) => {
    const pattern = new RegExp(production, "i");
    const places = [nameOf(resource), ...list(resource.data, "spec", "destinations").map((destination) => text(destination, "namespace"))];
    if (!places.some((place) => place !== undefined && pattern.test(place)) || list(resource.data, "spec", "syncWindows").length > 0) return [];
    return [{ path: "spec.syncWindows", message: "production may be synced at any hour" }];
  },
});

export const argoProjectNamed = resourceRule({
  id: "argo-project-named",
  title: "No Argo CD Application is in the project default.",
  severity: "medium",
  kinds: ["argoproj.io/Application", "argoproj.io/ApplicationSet"],
  why: "The project default allows every repository and every cluster.",
  fix: "Create an AppProject for it and name that.",
  examples: { pass: [application(), applicationsOf({})], fail: [application({ project: "default" }), application({ project: undefined }), application({ project: "" }), applicationsOf({ project: "default" })] },
  check: (resource) => {
    const { spec, at } = applicationOf(resource);
    const name = text(spec, "project") ?? "default";
    return name === "default" || name === "" ? [{ path: `${at}.project`, message: "the project is default" }] : [];
  },
});

export const argoApplicationValid = resourceRule({
  id: "argo-application-valid",
  title: "An Argo CD Application says once where from and once where to.",
  severity: "medium",
  level: "mandatory",
  kinds: ["argoproj.io/Application"],
  why: "With path and chart, or server and name, Argo CD refuses it or takes the one that wasn't meant.",
  fix: "Give path or chart, server or name.",
  examples: { pass: [application()], fail: [application({ source: { chart: "app" } }), application({ destination: { name: "in-cluster" } })] },
  check: ({ data }) => [
    ...(has(data, "spec", "source", "path") && has(data, "spec", "source", "chart") ? [{ path: "spec.source", message: "both path and chart are given" }] : []),
    ...(has(data, "spec", "destination", "server") && has(data, "spec", "destination", "name") ? [{ path: "spec.destination", message: "both server and name are given" }] : []),
  ],
});

export const argoProjectClusterResources = resourceRule({
  id: "argo-project-cluster-resources",
  title: "Every AppProject keeps cluster-wide objects out.",
  severity: "medium",
  kinds: ["argoproj.io/AppProject"],
  why: "A repository that writes ClusterRoles or webhooks owns the cluster.",
  fix: "Set clusterResourceBlacklist to group * and kind *, or clusterResourceWhitelist to what is needed.",
  examples: { pass: [project({ ...BOUNDED, clusterResourceWhitelist: undefined, clusterResourceBlacklist: [{ group: "*", kind: "*" }] }), project(BOUNDED)], fail: [project({ sourceRepos: [] }), project({ clusterResourceBlacklist: [{ group: "", kind: "Pod" }] }), project({ clusterResourceWhitelist: [{ group: "*", kind: "*" }] }), project({ clusterResourceBlacklist: [{ group: "*", kind: "Namespace" }, { group: "", kind: "*" }] })] },
  check: ({ data }) => {
    const all = (key: string) => list(data, "spec", key).some((entry) => text(entry, "group") === "*" && text(entry, "kind") === "*");
    if (all("clusterResourceBlacklist")) return [];
    if (has(data, "spec", "clusterResourceWhitelist") && !all("clusterResourceWhitelist")) return [];
    return [{ path: "spec.clusterResourceBlacklist", message: "cluster-wide objects may be written" }];
  },
});

const applicationSet = (name: string, projectName: string) => manifest("argoproj.io/v1alpha1", "ApplicationSet", { spec: { template: { spec: { project: projectName, source: { targetRevision: "v1" } } } } }, name);

export const argoSetMatchesProject = resourceRule({
  id: "argo-set-matches-project",
  title: "An ApplicationSet is named after its project.",
  severity: "low",
  kinds: ["argoproj.io/ApplicationSet"],
  why: "A set can otherwise put applications into another team's project.",
  fix: "Give the ApplicationSet the name of its project.",
  examples: { pass: [applicationSet("shop", "shop"), applicationSet("shop", "{{ .name }}")], fail: [applicationSet("shop", "other"), manifest("argoproj.io/v1alpha1", "ApplicationSet", { spec: {} }), { ...applicationSet("shop", "other"), metadata: { generateName: "shop-" } }] },
  check: (resource) => {
    const projectName = text(resource.data, "spec", "template", "spec", "project");
    return projectName === nameOf(resource) || projectName?.includes("{{") ? [] : [{ path: "spec.template.spec.project", message: `the set is named ${nameOf(resource) ?? ""}, its project ${projectName ?? ""}` }];
  },
});

const repository = (url: string) => manifest("source.toolkit.fluxcd.io/v1", "GitRepository", { spec: { interval: "5m", url } });

export const fluxSourceAllowed = resourceRule({
  id: "flux-source-allowed",
  title: "Flux takes its sources from allowed places.",
  severity: "medium",
  kinds: ["source.toolkit.fluxcd.io/GitRepository", "source.toolkit.fluxcd.io/Bucket", "source.toolkit.fluxcd.io/HelmRepository", "source.toolkit.fluxcd.io/OCIRepository", "image.toolkit.fluxcd.io/ImageRepository"],
  why: "Who writes the source writes the cluster.",
  fix: "Use an allowed source, or add it to the parameter `allowed`.",
  parameters: z.strictObject({ allowed: z.array(z.string()).default([]).describe("regular expressions on url, endpoint or image; an empty list allows all") }),
  examples: { parameters: { allowed: ["^https://git\\.example\\.com/"] }, pass: [repository("https://git.example.com/shop")], fail: [repository("https://git.example.org/shop"), manifest("source.toolkit.fluxcd.io/v1", "Bucket", { spec: { endpoint: "minio.example.org" } }), manifest("image.toolkit.fluxcd.io/v1beta2", "ImageRepository", { spec: { image: "ghcr.io/other/app" } }), manifest("source.toolkit.fluxcd.io/v1", "GitRepository", { spec: {} })], more: [{ pass: [repository("https://git.example.org/shop")], fail: [] }, { parameters: { allowed: ["^https://a/", "^https://b/"] }, pass: [repository("https://b/x")], fail: [] }] },
  check: ({ data }, { allowed }) => {
    const key = ["url", "endpoint", "image"].find((candidate) => has(data, "spec", candidate)) ?? "url";
    const place = text(data, "spec", key) ?? "";
    return allowed.length === 0 || allowed.some((pattern) => new RegExp(pattern).test(place)) ? [] : [{ path: `spec.${key}`, message: `${place} is not an allowed source` }];
  },
});
