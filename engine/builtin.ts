/** Functions of the package `pulumi` that the engine answers itself. */
import { UserError } from "./errors.ts";
import type { PropertyMap, ResourceState, Urn } from "./model.ts";
import type { InvokeResult } from "./provider.ts";

/** Answers `pulumi:pulumi:getResource`; refuses all others by name. `find` gives resources registered in this run. */
export function builtinInvoke(token: string, args: PropertyMap, find: (urn: Urn) => ResourceState | undefined): InvokeResult {
  if (token !== "pulumi:pulumi:getResource") throw new UserError(`The embedded engine cannot run the function ${token}.`, "Use --engine pulumi.");
  const urn = args["urn"];
  if (typeof urn !== "string") throw new UserError(`${token}: "urn" must be a string.`);
  const state = find(urn);
  if (state === undefined) throw new UserError(`${token}: there is no resource ${urn} in this run.`);
  return { outputs: { urn, id: state.id ?? "", state: state.outputs }, failures: [] };
}
