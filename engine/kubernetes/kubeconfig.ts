/** Where a cluster is and who we are there, read from a kubeconfig as kubectl reads it. */
import { existsSync } from "node:fs";
import type { Agent } from "node:http";
import type { AgentOptions, RequestOptions } from "node:https";
import { homedir } from "node:os";
import { join } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";
import { suggestion, UserError } from "../errors.ts";
import { http, https } from "./http.ts";
import { kubeConfigClass } from "./kubeConfigClass.ts";

/** What a person or a provider resource says about the cluster to use. */
export interface ClusterChoice {
  /** Path or content of a kubeconfig. Default: `KUBECONFIG`, else `~/.kube/config`. */
  kubeconfig?: string;
  /** Name of a context in it. Default: `preferredContext` when it is there, else the current one. */
  context?: string;
  /** Context to take when it exists and none is named: the stack's own name for its cluster. */
  preferredContext?: string;
}

/** A way to a cluster. */
export interface Connection {
  /** Base URL of the API server. */
  server: URL;
  context: string;
  /** For people: the file (or `given content`) and the context. */
  origin: string;
  /** Namespace of the context. */
  namespace: string;
  /** Options for each request: agent and headers, with a fresh token where one is needed. */
  authorize(): Promise<RequestOptions>;
  /** Closes idle connections. */
  close(): void;
}

/**
 * Opens a kubeconfig; nothing is sent yet.
 * @throws UserError when there is none, it cannot be read, or the context is not in it
 */
export async function openKubeconfig(choice: ClusterChoice, env: NodeJS.ProcessEnv): Promise<Connection> {
  const KubeConfig = await kubeConfigClass();
  const config = new KubeConfig();
  const source = load(config, choice, env);
  const context = chooseContext(config, choice, source);
  config.setCurrentContext(context);
  const cluster = config.getCurrentCluster();
  if (cluster === null || !URL.canParse(cluster.server)) {
    throw new UserError(`The context "${context}" of ${source} names no cluster with a server address.`, "kubectl config view shows what is in it.");
  }
  const server = new URL(cluster.server.endsWith("/") ? cluster.server : `${cluster.server}/`);
  const viaProxy = (cluster.proxyUrl ?? "") !== "";
  let agent: Agent | undefined;
  return {
    server,
    context,
    origin: `${source}, context ${context}`,
    namespace: config.getContextObject(context)?.namespace ?? "default",
    authorize: async () => {
      const options: RequestOptions = {};
      try {
        await config.applyToHTTPSOptions(options);
      } catch (cause) {
        throw new UserError(`The credentials of context "${context}" (${source}) cannot be had: ${cause instanceof Error ? cause.message : String(cause)}`, undefined, { cause });
      }
      // The library's agents close every connection; with a proxy they are needed.
      if (!viaProxy) options.agent = agent ??= server.protocol === "http:" ? new http.Agent({ keepAlive: true }) : new https.Agent({ ...tlsOf(options), keepAlive: true });
      return options;
    },
    close: () => agent?.destroy(),
  };
}

function tlsOf({ ca, cert, key, rejectUnauthorized, servername }: RequestOptions): AgentOptions {
  return { ca, cert, key, ...(servername === undefined ? {} : { servername }), ...(rejectUnauthorized === undefined ? {} : { rejectUnauthorized }) };
}

function load(config: KubeConfig, { kubeconfig }: ClusterChoice, env: NodeJS.ProcessEnv): string {
  if (kubeconfig?.includes("\n") === true || kubeconfig?.trimStart().startsWith("{") === true) {
    tryLoad("the given kubeconfig", () => config.loadFromString(kubeconfig));
    return "the given kubeconfig";
  }
  const named = kubeconfig ?? env["KUBECONFIG"];
  const files = (named === undefined || named === "" ? [join(homedir(), ".kube", "config")] : named.split(":"))
    .filter((file) => file !== "")
    .map((file) => file.replace(/^~(?=\/|$)/, homedir()));
  const present = files.filter((file) => existsSync(file));
  if (present.length === 0) {
    throw new UserError(
      `There is no kubeconfig: ${files.join(" and ")} ${files.length === 1 ? "does" : "do"} not exist.`,
      "Name one with --kubeconfig FILE or KUBECONFIG; `npm run cluster -- up` makes a cluster of this machine and prints its own.",
    );
  }
  for (const [index, file] of present.entries()) {
    tryLoad(file, () => {
      if (index === 0) config.loadFromFile(file);
      else mergeFile(config, file);
    });
  }
  return present.join(" and ");
}

function mergeFile(config: KubeConfig, file: string): void {
  const current = config.getCurrentContext();
  const other = new (config.constructor as new () => KubeConfig)();
  other.loadFromFile(file);
  config.mergeConfig(other, true);
  config.setCurrentContext(current);
}

function tryLoad(what: string, act: () => void): void {
  try {
    act();
  } catch (cause) {
    throw new UserError(`The kubeconfig ${what} cannot be read: ${firstLine(cause)}`, "kubectl config view --kubeconfig shows whether it is one.", { cause });
  }
}

function chooseContext(config: KubeConfig, { context, preferredContext }: ClusterChoice, source: string): string {
  const names = config.getContexts().map(({ name }) => name);
  if (context !== undefined && context !== "") {
    if (names.includes(context)) return context;
    throw new UserError(`There is no context "${context}" in ${source}.`, suggestion(context, names, "contexts"));
  }
  if (preferredContext !== undefined && names.includes(preferredContext)) return preferredContext;
  const current = config.getCurrentContext();
  if (names.includes(current)) return current;
  throw new UserError(`${source} has no current context.`, `Name one with --context; there is: ${names.join(", ") || "none"}.`);
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}
