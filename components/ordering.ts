import type * as pulumi from "@pulumi/pulumi";

/**
 * What a component was told to come after, for its children. They would wait for the component anyway; recorded with each child, the
 * order also holds where only some resources are updated.
 */
export function after(opts: pulumi.ComponentResourceOptions | undefined): Pick<pulumi.ResourceOptions, "dependsOn"> {
  return opts?.dependsOn === undefined ? {} : { dependsOn: opts.dependsOn };
}
