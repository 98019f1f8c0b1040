/** States, steps and state files for tests. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type Deployment, type StateDocument, manifestMagic, serializeResource } from "../../engine/deployment.ts";
import { UserError } from "../../engine/errors.ts";
import { type PropertyMap, type ResourceState, type Step } from "../../engine/model.ts";
import { type StackState } from "../../engine/state.ts";

export const stackUrn = "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev";
export const urnOf = (name: string): string => `urn:pulumi:dev::shop::test:index:Thing::${name}`;
export const engine = "v3.270.0";

export function resource(name: string, inputs: PropertyMap = {}, changes: Partial<ResourceState> = {}): ResourceState {
  return {
    urn: urnOf(name),
    custom: true,
    id: `id-${name}`,
    type: "test:index:Thing",
    inputs,
    outputs: inputs,
    parent: stackUrn,
    dependencies: [],
    propertyDependencies: {},
    additionalSecretOutputs: [],
    aliases: [],
    ...changes,
  };
}
export const stack: ResourceState = {
  urn: stackUrn,
  custom: false,
  type: "pulumi:pulumi:Stack",
  inputs: {},
  outputs: {},
  dependencies: [],
  propertyDependencies: {},
  additionalSecretOutputs: [],
  aliases: [],
};
export function step(operation: Step["operation"], state: ResourceState): Step {
  return {
    operation,
    urn: state.urn,
    type: state.type,
    name: "n",
    custom: state.custom,
    protect: false,
    dependencies: [],
    changes: [],
    replaceReasons: [],
  };
}
export const emptyState = (path: string): StackState => ({ path, resources: [], pending: [] });
export const read = (path: string): StateDocument => JSON.parse(readFileSync(path, "utf8")) as StateDocument;
export const urns = (path: string): string[] => (read(path).deployment.resources ?? []).map(({ urn }) => urn);
export const pending = (path: string): string[] =>
  (read(path).deployment.pending_operations ?? []).map(({ type, resource: { urn } }) => `${type} ${urn}`);
export const deployment = (resources: ResourceState[] = []): Deployment => ({
  manifest: { time: "2026-01-01T00:00:00Z", magic: manifestMagic(engine), version: engine },
  resources: resources.map((state) => serializeResource(state, undefined)),
});

export async function refusal(action: () => unknown): Promise<UserError> {
  try {
    await action();
  } catch (error) {
    assert(error instanceof UserError, String(error));
    return error;
  }
  return assert.fail("nothing was refused");
}
