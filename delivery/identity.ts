/** Who runs this, as pseudonyms: a ledger never holds a name. */
import { execFileSync } from "node:child_process";
import { pseudonymFor } from "../ledger/pseudonyms.ts";

/** Pseudonyms of the person and of the pipeline, as far as they are known. */
export interface Who {
  readonly git?: string;
  readonly ci?: string;
}

/** Names of environment variables in which pipelines say who started them: GitHub Actions, GitLab, Jenkins, and the general one. */
const pipelineVariables = ["DELIVERY_CI_IDENTITY", "GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILD_USER_ID"] as const;

/**
 * Finds out who runs this.
 * @param people the file that says who is behind a pseudonym; kept apart from the ledger
 */
export function whoRuns(people: string, cwd: string, env: NodeJS.ProcessEnv): Who {
  const person = gitIdentity(cwd);
  const pipeline = pipelineVariables.map((name) => env[name]).find((value) => value !== undefined && value !== "");
  return {
    ...(person !== undefined && { git: pseudonymFor(people, "git", person) }),
    ...(pipeline !== undefined && { ci: pseudonymFor(people, "ci", pipeline) }),
  };
}

function gitIdentity(cwd: string): string | undefined {
  try {
    // `Name <address> time zone`: without the time.
    return execFileSync("git", ["var", "GIT_AUTHOR_IDENT"], { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).replace(/ \d+ [+-]\d{4}\s*$/, "");
  } catch {
    return undefined; // no git, or nobody has told it a name
  }
}
