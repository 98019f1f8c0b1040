/** Why a release is made and what it declares of itself: what the ledger says of its start. */
import { execFileSync } from "node:child_process";
import type { SchemaStep } from "./schemaContract.ts";

export interface Intent {
  /** `incident`: it mends what users met. */
  readonly reason: "planned" | "incident";
  readonly schema: SchemaStep;
  /** One line; no names. */
  readonly why?: string;
  /** The commit that the image was built from, its full id, and when it was made: RFC 3339 in UTC with milliseconds. */
  readonly commit?: string;
  readonly committed?: string;
  /** Why it is made in spite of a freeze. */
  readonly overrideFreeze?: string;
}

/** Variables in which pipelines name the commit: GitHub Actions, GitLab, Jenkins. */
const commitVariables = ["GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT"] as const;

/**
 * The commit, where somebody or the pipeline names one, and its time, where the repository has it.
 * @param given a full id
 */
export function commitOf(given: string | undefined, cwd: string, env: NodeJS.ProcessEnv): Pick<Intent, "commit" | "committed"> {
  const commit = given ?? commitVariables.map((name) => env[name]).find((value) => value !== undefined && /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(value));
  if (commit === undefined) return {};
  try {
    const seconds = execFileSync("git", ["show", "--no-patch", "--format=%ct", commit, "--"], { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return { commit, committed: new Date(Number(seconds) * 1000).toISOString() };
  } catch {
    return { commit }; // another repository's, or a shallow clone: its time stays unknown, and the lead time with it
  }
}
