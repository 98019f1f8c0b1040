import * as pulumi from "@pulumi/pulumi";
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb.js";

/** One resource as the engine would have been told of it. */
export interface Registered {
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  /** URN of the parent; empty at the top. */
  readonly parent: string;
  /** URNs of everything that it is made after, by `dependsOn` or by reading an output. */
  readonly dependencies: readonly string[];
  /** Inputs as plain data; values that a preview can't know are missing. */
  readonly inputs: Inputs;
  readonly retainOnDelete: boolean;
  /** Names of the hooks before an update. */
  /** How long each operation may take, as text; undefined where nothing is said. */
  readonly customTimeouts: { readonly create: string; readonly update: string } | undefined;
  readonly beforeUpdate: readonly string[];
}

/** Inputs of a resource, or an object within them; {@link at} reads them. */
export type Inputs = Record<string, unknown>;

type Reply = (error: Error | null, response: unknown) => void;
interface Monitor {
  registerResource(request: RegisterResourceRequest, reply: Reply): Promise<void>;
  registerResourceHook?: (request: unknown, reply: Reply) => void;
  getRegisteredResources(): Map<string, { urn: string }>;
}

/** What the provider would add to a resource's inputs. */
function stateOf({ type, inputs }: { type: string; inputs: Inputs }): Inputs {
  const balanced = type === "kubernetes:core/v1:Service" && at(inputs, "spec.type") === "LoadBalancer";
  return { ...inputs, ...(balanced ? { status: { loadBalancer: { ingress: [{ ip: "203.0.113.7" }] } } } : {}) };
}

/**
 * Runs a piece of program without an engine and returns what it made and everything that it registered, the latter in alphabetical order
 * of URNs. `preview` as in `pulumi preview`. Throws what the program throws.
 */
export async function underMocks<Made>(build: () => Made, { preview }: { preview: boolean }): Promise<{ made: Made; registered: Registered[] }> {
  await pulumi.runtime.setMocks(
    { call: ({ inputs }) => inputs as Inputs, newResource: (args) => ({ id: `${args.name}-id`, state: stateOf(args) }) },
    "rlhf-audit-trail",
    "test",
    preview,
  );
  const monitor = (pulumi.runtime as unknown as { getMonitor(): Monitor }).getMonitor();
  const registered: Registered[] = [];
  const register = monitor.registerResource.bind(monitor);
  // The mock monitor keeps no dependencies and knows no hooks; the request has both.
  monitor.registerResource = async (request, reply) => {
    await register(request, (error, response) => {
      if (error === null) registered.push(describe(request, (response as { getUrn(): string }).getUrn()));
      reply(error, response);
    });
  };
  monitor.registerResourceHook = (_request, reply) => reply(null, {});
  try {
    const made = build();
    await pulumi.runtime.disconnect();
    return { made, registered: registered.sort((a, b) => (a.urn < b.urn ? -1 : 1)) };
  } finally {
    await pulumi.runtime.disconnect();
  }
}

function describe(request: RegisterResourceRequest, urn: string): Registered {
  return {
    type: request.getType(),
    name: request.getName(),
    urn,
    parent: request.getParent(),
    dependencies: request.getDependenciesList(),
    inputs: pulumi.runtime.deserializeProperties(request.getObject() as never),
    retainOnDelete: request.getRetainondelete() ?? false,
    customTimeouts: timeoutsOf(request),
    beforeUpdate: request.getHooks()?.getBeforeUpdateList() ?? [],
  };
}

function timeoutsOf(request: RegisterResourceRequest): Registered["customTimeouts"] {
  const timeouts = request.getCustomtimeouts();
  return timeouts === undefined ? undefined : { create: timeouts.getCreate(), update: timeouts.getUpdate() };
}

/** Both ways of running a program; every component must survive unknown values. */
export const bothWays = [
  { title: "in a preview", preview: true },
  { title: "in an update", preview: false },
] as const;

/** The one resource of this kind (the type's last part) and, if there are several, this logical name. */
export function one(registered: readonly Registered[], kind: string, name?: string): Registered {
  const found = registered.filter((resource) => resource.type.split(":").at(-1) === kind && (name === undefined || resource.name === name));
  if (found.length !== 1)
    throw new Error(`${found.length} resources are ${kind} ${name ?? ""}: ${registered.map((resource) => `${resource.type} ${resource.name}`).join(", ")}`);
  return found[0]!;
}

/** Whether one resource is made only after another: by its dependencies, and those of its parents, and so on. */
export function isAfter(registered: readonly Registered[], later: Registered, earlier: Registered): boolean {
  const byUrn = new Map(registered.map((resource) => [resource.urn, resource]));
  const seen = new Set<string>();
  const queue = [later.urn];
  for (let urn = queue.pop(); urn !== undefined; urn = queue.pop()) {
    const resource = byUrn.get(urn);
    if (resource === undefined || seen.has(urn)) continue;
    seen.add(urn);
    queue.push(...resource.dependencies, resource.parent);
  }
  return later !== earlier && seen.has(earlier.urn);
}

/** The value of an output that is known. */
export function valueOf<T>(output: pulumi.Input<T>): Promise<pulumi.Unwrap<T>> {
  return new Promise((resolve) => {
    pulumi.output(output).apply(resolve);
  });
}

/** What lies at a dotted path within a manifest: `spec.template.spec.containers.0.image`; undefined where nothing does. */
export function at(value: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((inner, key) => (typeof inner === "object" && inner !== null ? (inner as Inputs)[key] : undefined), value);
}

/** A copy of an object without some of its members. */
export function without(value: object, ...keys: string[]): Inputs {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}

/** The object at a dotted path. */
export function objectAt(value: unknown, path: string): Inputs {
  return at(value, path) as Inputs;
}

/** The list of objects at a dotted path. */
export function listAt(value: unknown, path: string): Inputs[] {
  return at(value, path) as Inputs[];
}
