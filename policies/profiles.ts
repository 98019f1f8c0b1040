/** The Pod Security Standards of Kubernetes 1.35 as lists of this pack's rules, with the parameters that make them exact. */

/** Rule names and parameters that together are one profile. */
export type Profile = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Pod Security `baseline`. */
export const BASELINE: Profile = {
  "no-privileged-containers": {},
  "capabilities-baseline": {},
  "no-host-network": {},
  "no-host-pid": {},
  "no-host-ipc": {},
  "no-host-path": {},
  "no-host-ports": {},
  "no-probe-host": {},
  "apparmor-profile": {},
  "selinux-options": {},
  "proc-mount-default": { allowInUserNamespace: true },
  "seccomp-not-unconfined": {},
  "safe-sysctls": {},
  "no-host-process": {},
};

/** Pod Security `restricted`: baseline and more. */
export const RESTRICTED: Profile = {
  ...BASELINE,
  "proc-mount-default": {},
  "volume-types": {},
  "no-privilege-escalation": {},
  "run-as-non-root": {},
  "no-root-user": {},
  "seccomp-profile": {},
  "drop-all-capabilities": {},
  "capabilities-restricted": {},
};
