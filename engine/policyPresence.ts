/** Whether policy packs have judged an operation at all: no finding means something only then. */
import { type PackRun } from "./model.ts";

/** What `--require-policy` asks of. */
export interface Judged {
  /** Packs that ran. */
  packs: readonly PackRun[];
  /** Resources of the plan. */
  resources: number;
}

/** Why an operation can't be said to have been judged, a sentence each; empty when it was, by every pack that ran. */
export function policyGaps({ packs, resources }: Judged): string[] {
  if (packs.length === 0) return ["--require-policy: no policy pack ran. Name one with --policy-pack."];
  return packs.flatMap((pack) => {
    const gap = gapOf(pack, resources);
    return gap === undefined ? [] : [`--require-policy: the policy pack ${pack.name} ${gap}`];
  });
}

function gapOf({ policies, disabled, configPath, resourcesAnalyzed, resourcesUnchecked, stackAnalyzed }: PackRun, resources: number): string | undefined {
  if (policies === 0) return "has no policies. Name another with --policy-pack.";
  if (disabled.length >= policies) return `judged nothing: all its policies are disabled${configPath === undefined ? "" : ` by ${configPath}`}. Enforce some.`;
  if (resourcesUnchecked > 0) return `left ${resourcesUnchecked} ${resourcesUnchecked === 1 ? "resource" : "resources"} unchecked, for it had failed.`;
  if (resources > 0 && resourcesAnalyzed === 0) return "saw no resource.";
  return resources > 0 && !stackAnalyzed ? "did not judge the stack as a whole." : undefined;
}
