/** Turns a RegisterResource request into a goal: inherited options, transforms, aliases, dependencies, provider. */
import type aliasPb from "@pulumi/pulumi/proto/alias_pb.js";
import aliasPbValues from "@pulumi/pulumi/proto/alias_pb.js";
import resourcePb from "@pulumi/pulumi/proto/resource_pb.js";
import { about } from "./failures.ts";
import { HOOK_KINDS, parseDuration, type Alias, type Goal, type HookKind, type HookNames, type Timeouts } from "./goal.ts";
import { OutputValue, Secret, type PropertyMap, type PropertyValue, type Urn } from "./model.ts";
import type { PackageRequest, Packages } from "./packages.ts";
import { unsupported } from "./rpc.ts";
import { withDependencies, type Transforms } from "./transforms.ts";
import { isProviderType, packageOf, parseProviderReference, parseUrn, providedPackage } from "./urn.ts";
import { decodeStruct, flattenMapOutputs, isPropertyMap } from "./wire.ts";

type Request = resourcePb.RegisterResourceRequest;
type Options = resourcePb.TransformResourceOptions;

/** Remembers what children inherit from registered resources, and builds goals. */
export class Registrations {
  readonly #transforms: Transforms;
  readonly #packages: Packages;
  /** Gives the reference of a package's default provider, registering it the first time. */
  readonly #defaultProvider: (pkg: PackageRequest) => Promise<string>;
  readonly #goals = new Map<Urn, Goal>();
  /** Providers by package that a component hands down. */
  readonly #providersOf = new Map<Urn, { [pkg: string]: string }>();

  constructor(transforms: Transforms, packages: Packages, defaultProvider: (pkg: PackageRequest) => Promise<string>) {
    this.#transforms = transforms;
    this.#packages = packages;
    this.#defaultProvider = defaultProvider;
  }

  /** The goal of a request. `done` must be called with the URN once the resource is registered. */
  async goalOf(request: Request): Promise<{ goal: Goal; done: (urn: Urn) => void }> {
    refuseUnsupported(request);
    try {
      return await this.#goalOf(request);
    } catch (error) {
      throw about(`${request.getType()} "${request.getName()}"`, error);
    }
  }

  async #goalOf(request: Request): Promise<{ goal: Goal; done: (urn: Urn) => void }> {
    const parent = optionalUrn(request.getParent(), "parent");
    this.#inherit(request, parent);
    const type = request.getType();
    const subject = { type, name: request.getName(), custom: request.getCustom(), parent };
    if ((subject.custom || request.getRemote()) && type.split(":").length !== 3) {
      throw new Error(`"${type}" is not a type token: expected <package>:<module>:<type>`);
    }

    const own = request.getTransformsList();
    const sent = decodeStruct(request.getObject(), { outputs: true });
    const declared = declaredDependencies(request, sent);
    const initial = { properties: own.length > 0 ? withDependencies(sent, declared) : sent, options: optionsOf(request) };
    initial.options.setProvider(this.#resolveProvider(request, parent));
    const { properties, options } = await this.#transforms.apply(subject, own, initial);

    const propertyDependencies: { [property: string]: Urn[] } = {};
    const dependencies = new Set(options.getDependsOnList());
    for (const [key, value] of Object.entries(properties)) {
      const urns = new Set(own.length > 0 ? [] : declared[key]);
      collectDependencies(value, urns);
      propertyDependencies[key] = [...urns];
      if (own.length > 0) urns.forEach((urn) => dependencies.add(urn));
    }
    const inputs = flattenMapOutputs(properties);
    const handedDown = this.#handDown(options, subject.custom, parent);
    const provider = await this.#providerOf(request, options, inputs);
    const goal: Goal = {
      ...subject,
      remote: request.getRemote(),
      inputs,
      provider,
      dependencies: [...dependencies],
      propertyDependencies,
      aliases: options.getAliasesList().map(aliasOf),
      protect: options.hasProtect() ? options.getProtect() : undefined,
      retainOnDelete: options.hasRetainOnDelete() ? options.getRetainOnDelete() : undefined,
      deleteBeforeReplace: options.hasDeleteBeforeReplace() ? options.getDeleteBeforeReplace() : undefined,
      ignoreChanges: options.getIgnoreChangesList(),
      replaceOnChanges: options.getReplaceOnChangesList(),
      additionalSecretOutputs: options.getAdditionalSecretOutputsList(),
      customTimeouts: timeoutsOf(options.getCustomTimeouts()),
      deletedWith: optionalUrn(options.getDeletedWith(), "deletedWith"),
      hooks: hooksOf(options.getHooks()),
    };
    const done = (urn: Urn): void => {
      this.#goals.set(urn, goal);
      this.#transforms.remember(urn, parent, own);
      if (!goal.custom) this.#providersOf.set(urn, handedDown);
    };
    return { goal, done };
  }

  /** The provider that a parent's `providers` name for a package; empty when none does. */
  inheritedProvider(parent: Urn | undefined, pkg: string): string {
    return (parent === undefined ? undefined : this.#providersOf.get(parent)?.[pkg]) ?? "";
  }

  #inherit(request: Request, parent: Urn | undefined): void {
    const goal = parent === undefined ? undefined : this.#goals.get(parent);
    if (goal === undefined) return;
    if (request.getDeletedwith() === "" && goal.deletedWith !== undefined) request.setDeletedwith(goal.deletedWith);
    if (!request.hasProtect() && goal.protect !== undefined) request.setProtect(goal.protect);
    if (!request.hasRetainondelete() && goal.retainOnDelete !== undefined) request.setRetainondelete(goal.retainOnDelete);
    if (request.getProvider() !== "" || goal.provider === "") return;
    const serves = providedPackage(parseUrn(parseProviderReference(goal.provider).urn).type);
    const isComponent = !request.getCustom() && !request.getRemote();
    if (isComponent || serves === packageOf(request.getType())) request.setProvider(goal.provider);
  }

  #resolveProvider(request: Request, parent: Urn | undefined): string {
    if (request.getProvider() !== "" || (!request.getCustom() && !request.getRemote())) return request.getProvider();
    const pkg = packageOf(request.getType());
    return request.getProvidersMap().get(pkg) ?? this.inheritedProvider(parent, pkg);
  }

  #handDown(options: Options, custom: boolean, parent: Urn | undefined): { [pkg: string]: string } {
    const providers: { [pkg: string]: string } = {};
    if (!custom && parent !== undefined) Object.assign(providers, this.#providersOf.get(parent));
    options.getProvidersMap().forEach((reference: string, pkg: string) => {
      providers[pkg] = reference;
    });
    return providers;
  }

  /** Completes a provider resource's inputs, or finds the provider of an ordinary one. */
  async #providerOf(request: Request, options: Options, inputs: PropertyMap): Promise<string> {
    const type = request.getType();
    const named = { name: packageOf(type), version: options.getVersion(), downloadUrl: options.getPluginDownloadUrl() };
    const pkg = this.#packages.lookup(request.getPackageref(), named);
    if (isProviderType(type)) {
      if (pkg.version !== "") inputs["version"] = pkg.version;
      if (pkg.downloadUrl !== "") inputs["pluginDownloadURL"] = pkg.downloadUrl;
      return "";
    }
    if (!request.getCustom() || request.getRemote()) return options.getProvider();
    return options.getProvider() === "" ? this.#defaultProvider(pkg) : options.getProvider();
  }
}

function refuseUnsupported(request: Request): void {
  const what = (option: string): string => `the option "${option}" (of ${request.getType()} "${request.getName()}")`;
  if (request.getImportid() !== "") throw unsupported(what("import"));
  if (request.getReplaceWithList().length > 0) throw unsupported(what("replaceWith"));
  if (request.hasReplacementTrigger()) throw unsupported(what("replacementTrigger"));
  if (request.getStateMigrationsList().length > 0) throw unsupported(what("stateMigrations"));
  if (request.getEnvvarmappingsMap().getLength() > 0) throw unsupported(what("envVarMappings"));
}

function optionalUrn(text: string, what: string): Urn | undefined {
  if (text === "") return undefined;
  try {
    parseUrn(text);
  } catch (cause) {
    throw new Error(`invalid ${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  return text;
}

function declaredDependencies(request: Request, properties: PropertyMap): { [property: string]: Urn[] } {
  const declared: { [property: string]: Urn[] } = {};
  const map = request.getPropertydependenciesMap();
  if (map.getLength() === 0 && !request.getRemote()) {
    // A request that says nothing about properties means: each depends on everything.
    for (const key of Object.keys(properties)) declared[key] = request.getDependenciesList();
  }
  map.forEach((entry: resourcePb.RegisterResourceRequest.PropertyDependencies, key: string) => {
    declared[key] = entry.getUrnsList();
  });
  return declared;
}

function collectDependencies(value: PropertyValue, urns: Set<Urn>): void {
  if (value instanceof OutputValue) {
    value.dependencies.forEach((urn) => urns.add(urn));
    collectDependencies(value.value, urns);
  } else if (value instanceof Secret) collectDependencies(value.value, urns);
  else if (Array.isArray(value)) value.forEach((item) => collectDependencies(item, urns));
  else if (isPropertyMap(value)) Object.values(value).forEach((item) => collectDependencies(item, urns));
}

/** The options that transforms see and may change. */
function optionsOf(request: Request): Options {
  const options = new resourcePb.TransformResourceOptions();
  options.setDependsOnList(request.getDependenciesList());
  if (request.hasProtect()) options.setProtect(request.getProtect() ?? false);
  options.setIgnoreChangesList(request.getIgnorechangesList());
  options.setReplaceOnChangesList(request.getReplaceonchangesList());
  options.setVersion(request.getVersion());
  const urnAliases = request.getAliasurnsList().map((urn) => {
    const alias = new aliasPbValues.Alias();
    alias.setUrn(urn);
    return alias;
  });
  options.setAliasesList([...urnAliases, ...request.getAliasesList()]);
  options.setCustomTimeouts(request.getCustomtimeouts());
  options.setPluginDownloadUrl(request.getPlugindownloadurl());
  if (request.hasRetainondelete()) options.setRetainOnDelete(request.getRetainondelete() ?? false);
  options.setDeletedWith(request.getDeletedwith());
  if (request.getDeletebeforereplacedefined() || request.getDeletebeforereplace()) {
    options.setDeleteBeforeReplace(request.getDeletebeforereplace());
  }
  options.setAdditionalSecretOutputsList(request.getAdditionalsecretoutputsList());
  request.getProvidersMap().forEach((reference: string, pkg: string) => {
    options.getProvidersMap().set(pkg, reference);
  });
  options.setHooks(request.getHooks());
  options.setHideDiffList(request.getHidediffsList());
  return options;
}

function aliasOf(alias: aliasPb.Alias): Alias {
  const spec = alias.getSpec();
  if (spec === undefined) return { urn: optionalUrn(alias.getUrn(), "alias") ?? "" };
  return {
    ...(spec.getName() === "" ? {} : { name: spec.getName() }),
    ...(spec.getType() === "" ? {} : { type: spec.getType() }),
    ...(spec.getStack() === "" ? {} : { stack: spec.getStack() }),
    ...(spec.getProject() === "" ? {} : { project: spec.getProject() }),
    ...(spec.getParenturn() === "" ? {} : { parent: spec.getParenturn() }),
    ...(spec.getNoparent() ? { noParent: true } : {}),
  };
}

function timeoutsOf(timeouts: resourcePb.RegisterResourceRequest.CustomTimeouts | undefined): Timeouts {
  const seconds = (text: string | undefined): number | undefined => (text === undefined || text === "" ? undefined : parseDuration(text));
  const [create, update, remove] = [timeouts?.getCreate(), timeouts?.getUpdate(), timeouts?.getDelete()].map(seconds);
  return {
    ...(create === undefined ? {} : { create }),
    ...(update === undefined ? {} : { update }),
    ...(remove === undefined ? {} : { delete: remove }),
  };
}

function hooksOf(binding: resourcePb.RegisterResourceRequest.ResourceHooksBinding | undefined): HookNames {
  if (binding === undefined) return {};
  const lists: Record<HookKind, string[]> = {
    BeforeCreate: binding.getBeforeCreateList(),
    AfterCreate: binding.getAfterCreateList(),
    BeforeUpdate: binding.getBeforeUpdateList(),
    AfterUpdate: binding.getAfterUpdateList(),
    BeforeDelete: binding.getBeforeDeleteList(),
    AfterDelete: binding.getAfterDeleteList(),
    OnError: binding.getOnErrorList(),
  };
  return Object.fromEntries(HOOK_KINDS.filter((kind) => lists[kind].length > 0).map((kind) => [kind, lists[kind]]));
}
