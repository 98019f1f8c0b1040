import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ClusterError, ExitCode } from "./failure.ts";

/** This folder of the repository. */
export const sources = fileURLToPath(new URL(".", import.meta.url));
/** The repository. */
export const repository = fileURLToPath(new URL("..", import.meta.url));

const product = "rlhf-audit-trail";

function base(variable: string, fallback: string): string {
  const value = process.env[variable];
  // The XDG rule: a relative path is to be ignored.
  return value !== undefined && isAbsolute(value) ? value : join(homedir(), fallback);
}

/** Built binaries, Debian's packages and images: shared by all clusters, made again when missing. */
export function cacheFolder(): string {
  return join(base("XDG_CACHE_HOME", ".cache"), product, "cluster");
}

/** All state of one cluster. */
export function stateFolder(name: string): string {
  if (!/^[a-z]([a-z0-9-]{0,18}[a-z0-9])?$/.test(name)) {
    throw new ClusterError(
      `--name "${name}" can't name a cluster: 1 to 20 of a-z, 0-9 and -, beginning with a letter, not ending with -.`,
      undefined,
      ExitCode.usage,
    );
  }
  const folder = join(base("XDG_STATE_HOME", ".local/state"), product, name);
  // A Unix socket's address holds 107 bytes.
  if (Buffer.byteLength(join(folder, "run/control.sock")) > 107) {
    throw new ClusterError(`The state folder's path is too long for a socket in it: ${folder}`, "Set XDG_STATE_HOME to a shorter path.", ExitCode.unfitHost);
  }
  return folder;
}
