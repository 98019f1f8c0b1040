/** What the Node processes of programs and packs have in common. */
import { join } from "node:path";
import type { ProjectStack } from "./model.ts";

/**
 * A small young generation: these processes load a large SDK once and then allocate little at a time. With V8's own sizes they hold much
 * more memory and are no faster (`npm run bench -- preview`).
 */
export const childNodeFlags: readonly string[] = ["--max-semi-space-size=4"];

/** The environment of this process, a compile cache in the project unless one is named, and the stack's configuration. */
export function childEnvironment({ root, configuration }: ProjectStack): NodeJS.ProcessEnv {
  return {
    NODE_COMPILE_CACHE: join(root, "node_modules", ".cache", "node-compile"),
    ...process.env,
    PULUMI_CONFIG: JSON.stringify(configuration.values),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(configuration.secretKeys),
  };
}
