/** Other scanners of Kubernetes manifests, installed for a comparison: pinned, from their own registries, into a folder outside the repository. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Another tool, and how its findings are counted. */
export interface Scanner {
  readonly name: string;
  readonly version: string;
  /** Puts the tool into a folder. Throws when it can't. */
  readonly install: (folder: string) => void;
  readonly command: (folder: string, file: string) => { program: string; args: string[] };
  /** Exit statuses of a run that worked. */
  readonly worked: readonly number[];
  readonly count: (output: string) => number;
  /** What a reader must know of its share of checks. */
  readonly note: string;
}

const run = (program: string, args: string[], env: NodeJS.ProcessEnv = {}): void => {
  execFileSync(program, args, { env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "pipe"], timeout: 30 * 60_000 });
};

function goTool(name: string, module: string, version: string, path: string, more: Pick<Scanner, "command" | "worked" | "count" | "note">): Scanner {
  return { name, version, install: (folder) => run("go", ["install", `${module}${path}@${version}`], { GOBIN: folder, GOFLAGS: "-mod=mod" }), ...more };
}

/** The tools that are tried; one that can't be installed is named in the report. */
export const SCANNERS: readonly Scanner[] = [
  {
    name: "checkov",
    version: "3.3.30",
    install: (folder) => {
      run("python3", ["-m", "venv", folder]);
      run(join(folder, "bin", "pip"), ["install", "--quiet", "checkov==3.3.30"]);
    },
    command: (folder, file) => ({ program: join(folder, "bin", "checkov"), args: ["--framework", "kubernetes", "--compact", "--quiet", "--skip-download", "-o", "json", "-f", file] }),
    worked: [0, 1],
    count: (output) => (JSON.parse(output) as { summary: { failed: number } }).summary.failed,
    note: "its Kubernetes checks, without those that ask its platform",
  },
  goTool("kube-score", "github.com/zegl/kube-score", "v1.20.0", "/cmd/kube-score", {
    command: (folder, file) => ({ program: join(folder, "kube-score"), args: ["score", "-o", "ci", file] }),
    worked: [0, 1],
    count: (output) => output.split("\n").filter((line) => /^\[(CRITICAL|WARNING)\]/.test(line)).length,
    note: "about forty checks",
  }),
  goTool("kube-linter", "golang.stackrox.io/kube-linter", "v0.7.6", "/cmd/kube-linter", {
    command: (folder, file) => ({ program: join(folder, "kube-linter"), args: ["lint", "--format", "json", file] }),
    worked: [0, 1],
    count: (output) => (JSON.parse(output) as { Reports: unknown[] | null }).Reports?.length ?? 0,
    note: "its default checks",
  }),
  goTool("kubeaudit", "github.com/Shopify/kubeaudit", "v0.22.2", "/cmd", {
    command: (folder, file) => ({ program: join(folder, "cmd"), args: ["all", "-f", file, "-p", "json"] }),
    worked: [0, 2],
    count: (output) => output.split("\n").filter((line) => line.includes('"AuditResultName"')).length,
    note: "archived by its makers",
  }),
];

/** Installs a tool, or takes the copy that an earlier run has finished. @returns its folder, or why it can't be had */
export function installed(scanner: Scanner): { folder: string } | { refused: string } {
  const folder = join(process.env.BENCH_TOOLS ?? join(tmpdir(), "policy-bench-tools"), `${scanner.name}-${scanner.version}`);
  const { program } = scanner.command(folder, "");
  if (existsSync(program)) return { folder };
  try {
    mkdirSync(folder, { recursive: true });
    scanner.install(folder);
    return existsSync(program) ? { folder } : { refused: `${program} did not come of it` };
  } catch (error) {
    const told = error instanceof Error && "stderr" in error ? String(error.stderr).trim().split("\n") : [];
    return { refused: told.findLast((line) => line.trim() !== "")?.slice(0, 200) ?? (error instanceof Error ? error.message : String(error)) };
  }
}
