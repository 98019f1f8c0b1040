/** The official client's reader of kubeconfigs, without the client's generated types: a thousand files that nothing here uses, half a second of each command. */
import { registerHooks } from "node:module";
import type { KubeConfig } from "@kubernetes/client-node";

/** What the reader names of them, for making API clients; ours are in `client.ts`. */
const without = "data:text/javascript,export const createConfiguration = undefined, ServerConfiguration = undefined";

/** Loads it: not before it is needed, for previews never need it. */
export async function kubeConfigClass(): Promise<typeof KubeConfig> {
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier === "./gen/index.js" && context.parentURL?.endsWith("/@kubernetes/client-node/dist/config.js") === true
        ? { url: without, format: "module", shortCircuit: true }
        : next(specifier, context),
  });
  try {
    const { KubeConfig } = await import("@kubernetes/client-node/dist/config.js");
    return KubeConfig;
  } finally {
    hooks.deregister();
  }
}
