import type * as pulumi from "@pulumi/pulumi";

/**
 * The way to reach what a component has no argument for. An object is merged over the child's arguments, one level deep;
 * a function may edit the arguments and the resource options in place. Neither is seen by the component's own checks.
 */
export type Transform<Args> = Partial<Args> | ((args: Args, opts: pulumi.CustomResourceOptions, name: string) => void);

/**
 * Applies a transform to what a child is about to be made from, on copies.
 * @returns the constructor's three arguments, to be spread.
 */
export function transformed<Args extends object>(
  transform: Transform<Args> | undefined,
  name: string,
  args: Args,
  opts: pulumi.CustomResourceOptions,
): [name: string, args: Args, opts: pulumi.CustomResourceOptions] {
  if (typeof transform === "function") {
    const [edited, editedOpts] = [{ ...args }, { ...opts }];
    transform(edited, editedOpts, name);
    return [name, edited, editedOpts];
  }
  return [name, { ...args, ...transform }, opts];
}
