/** The official client's reader of kubeconfigs, without what nothing here or few kubeconfigs need: it was half a second of each command. */
import { registerHooks } from "node:module";
import type { KubeConfig } from "@kubernetes/client-node";

const reader = "@kubernetes/client-node/dist/config.js";
/** Whose modules are loaded when one of their classes is used, by the names that the reader takes: what proxies need. */
const late: Readonly<Record<string, readonly string[]>> = {
  undici: ["Agent", "ProxyAgent"],
  hpagent: ["HttpProxyAgent", "HttpsProxyAgent"],
  socks: ["SocksClient"],
  "socks-proxy-agent": ["SocksProxyAgent"],
};
/** A thousand files of generated types; what the reader names of them is for making API clients, and ours are in `client.ts`. */
const generated = "export const createConfiguration = undefined, ServerConfiguration = undefined";
/** Imported as a module it gets every name of it, and one of these loads a whole HTTP client. */
const http = 'export default process.getBuiltinModule("node:http")';

/** Loads it: not before it is needed, for previews never need it. */
export async function kubeConfigClass(): Promise<typeof KubeConfig> {
  const hooks = registerHooks({
    resolve: (specifier, context, next) => {
      const source = context.parentURL?.endsWith(`/${reader}`) === true ? standIn(specifier, context.parentURL) : undefined;
      return source === undefined ? next(specifier, context) : { url: `data:text/javascript,${encodeURIComponent(source)}`, format: "module", shortCircuit: true };
    },
  });
  try {
    const { KubeConfig } = await import("@kubernetes/client-node/dist/config.js");
    return KubeConfig;
  } finally {
    hooks.deregister();
  }
}

function standIn(specifier: string, parent: string): string | undefined {
  if (specifier === "./gen/index.js") return generated;
  if (specifier === "node:http") return http;
  const names = late[specifier];
  if (names === undefined) return undefined;
  return `import { createRequire } from "node:module";
    const load = () => createRequire(${JSON.stringify(parent)})(${JSON.stringify(specifier)});
    const late = (name) => new Proxy(function () {}, { construct: (_, args) => Reflect.construct(load()[name], args), get: (_, key) => load()[name][key] });
    ${names.map((name) => `export const ${name} = late("${name}");`).join("\n")}`;
}
