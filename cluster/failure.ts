/** Exit codes of the cluster's command line; docs/cluster.md lists them. */
export const ExitCode = { ok: 0, failed: 1, usage: 2, notRunning: 3, unfitHost: 4 } as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** An error that a person can act on: printed without a stack trace. */
export class ClusterError extends Error {
  readonly fix: string | undefined;
  readonly exitCode: ExitCode;
  /**
   * @param message what was wrong, and where
   * @param fix what to do about it, on a line of its own
   */
  constructor(message: string, fix?: string, exitCode: ExitCode = ExitCode.failed) {
    super(message);
    this.name = "ClusterError";
    this.fix = fix;
    this.exitCode = exitCode;
  }
}
