/** Transforms of resources and invokes: which apply, in which order, and what they make of inputs and options. */
import type callbackPb from "@pulumi/pulumi/proto/callback_pb.js";
import resourcePb from "@pulumi/pulumi/proto/resource_pb.js";
import type { Callbacks } from "./callbacks.ts";
import { OutputValue, Secret, Unknown, type PropertyMap, type Urn } from "./model.ts";
import { decodeStruct, encodeStruct } from "./wire.ts";

/** A resource as its transforms see it. */
export interface TransformSubject {
  type: string;
  name: string;
  custom: boolean;
  parent: Urn | undefined;
}
/** What transforms may change. */
export interface Transformed {
  properties: PropertyMap;
  options: resourcePb.TransformResourceOptions;
}
/** What invoke transforms may change. */
export interface TransformedInvoke {
  args: PropertyMap;
  options: resourcePb.TransformInvokeOptions;
}

export class Transforms {
  readonly #callbacks: Callbacks;
  readonly #ofStack: callbackPb.Callback[] = [];
  readonly #ofInvokes: callbackPb.Callback[] = [];
  readonly #ofResource = new Map<Urn, callbackPb.Callback[]>();
  readonly #parents = new Map<Urn, Urn | undefined>();

  constructor(callbacks: Callbacks) {
    this.#callbacks = callbacks;
  }

  /** Adds a transform that runs on every resource registered from now on. */
  addStackTransform(callback: callbackPb.Callback): void {
    this.#ofStack.push(callback);
  }

  /** Adds a transform that runs on every invoke from now on. */
  addInvokeTransform(callback: callbackPb.Callback): void {
    this.#ofInvokes.push(callback);
  }

  /** Remembers a registered resource, so that its transforms apply to its descendants. */
  remember(urn: Urn, parent: Urn | undefined, own: callbackPb.Callback[]): void {
    this.#parents.set(urn, parent);
    if (own.length > 0) this.#ofResource.set(urn, own);
  }

  /** Runs the resource's own transforms, then those of its ancestors, nearest first, then the stack's. */
  async apply(subject: TransformSubject, own: callbackPb.Callback[], initial: Transformed): Promise<Transformed> {
    const callbacks = [...own];
    for (let urn = subject.parent; urn !== undefined; urn = this.#parents.get(urn)) {
      callbacks.push(...(this.#ofResource.get(urn) ?? []));
    }
    callbacks.push(...this.#ofStack);
    let current = initial;
    for (const callback of callbacks) current = await this.#applyOne(subject, callback, current);
    return current;
  }

  /** Runs the stack's invoke transforms. */
  async applyToInvoke(token: string, initial: TransformedInvoke): Promise<TransformedInvoke> {
    let { args, options } = initial;
    for (const callback of this.#ofInvokes) {
      const request = new resourcePb.TransformInvokeRequest();
      request.setToken(token);
      request.setArgs(encodeStruct(args));
      request.setOptions(options);
      const response = resourcePb.TransformInvokeResponse.deserializeBinary(await this.#callbacks.invoke(callback, request));
      if (response.hasArgs()) args = decodeStruct(response.getArgs());
      options = response.getOptions() ?? options;
    }
    return { args, options };
  }

  async #applyOne(subject: TransformSubject, callback: callbackPb.Callback, { properties, options }: Transformed): Promise<Transformed> {
    const request = new resourcePb.TransformRequest();
    request.setType(subject.type);
    request.setName(subject.name);
    request.setCustom(subject.custom);
    request.setParent(subject.parent ?? "");
    request.setProperties(encodeStruct(properties, { outputs: true }));
    request.setOptions(options);
    const response = resourcePb.TransformResponse.deserializeBinary(await this.#callbacks.invoke(callback, request));
    return {
      properties: response.hasProperties() ? decodeStruct(response.getProperties(), { outputs: true }) : properties,
      options: response.getOptions() ?? options,
    };
  }
}

/** Gives every property the dependencies recorded for it, so that transforms carry them on. */
export function withDependencies(properties: PropertyMap, dependencies: { [property: string]: Urn[] }): PropertyMap {
  const result: PropertyMap = {};
  for (const [key, value] of Object.entries(properties)) {
    const known = dependencies[key] ?? [];
    if (known.length === 0) result[key] = value;
    else if (value instanceof OutputValue) {
      const all = [...new Set([...value.dependencies, ...known])];
      result[key] = new OutputValue(value.value, value.known, value.secret, all);
    } else if (value instanceof Unknown) result[key] = new OutputValue(null, false, false, known);
    else if (value instanceof Secret) result[key] = new OutputValue(value.value, true, true, known);
    else result[key] = new OutputValue(value, true, false, known);
  }
  return result;
}
