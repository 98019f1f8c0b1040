/** What the Node processes of programs and packs have in common. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ProjectStack } from "./model.ts";

const preloads = [new URL("endWithParent.cjs", import.meta.url), new URL("lateModules.cjs", import.meta.url), new URL("lightSdk.cjs", import.meta.url)].map((url) => fileURLToPath(url));

/**
 * A small young generation: these processes load a large SDK once and then allocate little at a time. With V8's own sizes they hold much
 * more memory and are no faster (`npm run bench -- preview`). Preloads by -r and not --require: Pulumi's runner of programs takes the long
 * form for a loader of the user's own and changes its ways.
 */
export const childNodeFlags: readonly string[] = ["--max-semi-space-size=4", ...preloads.flatMap((file) => ["-r", file])];

/** The environment of this process, a compile cache in the project unless one is named, and the stack's configuration. */
export function childEnvironment({ root, configuration }: ProjectStack): NodeJS.ProcessEnv {
  return {
    NODE_COMPILE_CACHE: join(root, "node_modules", ".cache", "node-compile"),
    ...process.env,
    PULUMI_CONFIG: JSON.stringify(configuration.values),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(configuration.secretKeys),
  };
}
