/** Exit statuses of `delivery`; docs/delivery.md explains them. */
export const exitCodes = {
  done: 0,
  /** Something failed that was not judged: a broken connection, an unwritable file, an `up` that could not begin. */
  failed: 1,
  /** A mandatory policy objects; nothing was changed. */
  policy: 2,
  /** The release was taken back: the old version has the traffic. */
  takenBack: 3,
  /** The new version never got traffic: it did not start, or failed its verification. */
  notVerified: 4,
  /** Somebody else is releasing this stack. */
  held: 5,
  /** A rule forbids it now: a freeze, a schema contract, a promotion without proof. */
  refused: 6,
  /** Wrong use or wrong input; nothing was changed. */
  usage: 7,
  interrupted: 130,
} as const;

/** An exit status of `delivery`. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
