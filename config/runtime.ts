import * as pulumi from "@pulumi/pulumi";
import { loadStackConfig } from "./load.ts";
import { ConfigError } from "./problems.ts";
import type { StackConfig } from "./stackConfig.ts";

// Exported by the SDK, but not part of its declared types.
type SecretLookup = { isConfigSecret?: (key: string) => boolean };

/**
 * The configuration of the stack that this program runs for.
 * @throws pulumi.RunError with every problem; Pulumi prints it without a stack trace, before any resource is registered
 */
export function stackConfig(): StackConfig {
  const all = pulumi.runtime.allConfig();
  const { isConfigSecret = () => true }: SecretLookup = pulumi.runtime as SecretLookup;
  try {
    return loadStackConfig({
      project: pulumi.getProject(),
      stack: pulumi.getStack(),
      all,
      secretKeys: Object.keys(all).filter((key) => isConfigSecret(key)),
    });
  } catch (error) {
    if (error instanceof ConfigError) throw new pulumi.RunError(error.message);
    throw error;
  }
}
