/** The ResourceMonitor service: what a running program says to its engine. */
import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import type callbackPb from "@pulumi/pulumi/proto/callback_pb.js";
import providerPb from "@pulumi/pulumi/proto/provider_pb.js";
import resourceGrpc from "@pulumi/pulumi/proto/resource_grpc_pb.js";
import resourcePb from "@pulumi/pulumi/proto/resource_pb.js";
import emptyPb from "google-protobuf/google/protobuf/empty_pb.js";
import { hasUnknown } from "./diff.ts";
import type { Goal, ReadGoal } from "./goal.ts";
import type { Hooks } from "./hooks.ts";
import type { ProjectStack, PropertyMap, ResourceState, Urn } from "./model.ts";
import type { PackageRequest, Packages } from "./packages.ts";
import type { InvokeResult } from "./provider.ts";
import type { Registrations } from "./registration.ts";
import { unary, unsupported } from "./rpc.ts";
import type { Transforms } from "./transforms.ts";
import { isProviderType, packageOf } from "./urn.ts";
import { decodeStruct, encodeStruct } from "./wire.ts";

const Feature = resourcePb.ResourceMonitorFeature;
/** What this engine does, by the names that older SDKs ask for. */
const FEATURES: { readonly [id: string]: resourcePb.ResourceMonitorFeature } = {
  secrets: Feature.RESOURCE_MONITOR_FEATURE_SECRETS,
  resourceReferences: Feature.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
  outputValues: Feature.RESOURCE_MONITOR_FEATURE_OUTPUT_VALUES,
  aliasSpecs: Feature.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
  deletedWith: Feature.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
  transforms: Feature.RESOURCE_MONITOR_FEATURE_TRANSFORMS,
  invokeTransforms: Feature.RESOURCE_MONITOR_FEATURE_INVOKE_TRANSFORMS,
  parameterization: Feature.RESOURCE_MONITOR_FEATURE_PARAMETERIZATION,
  resourceHooks: Feature.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
  errorHooks: Feature.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS,
};

/** What the monitor asks of the operation behind it. Each rejects once the operation has failed. */
export interface MonitorHost {
  register(goal: Goal): Promise<ResourceState>;
  read(goal: ReadGoal): Promise<ResourceState>;
  outputs(urn: Urn, outputs: PropertyMap): Promise<void>;
  invoke(token: string, args: PropertyMap, provider: string): Promise<InvokeResult>;
  defaultProvider(pkg: PackageRequest): Promise<string>;
  /** Resolves when all steps are done. */
  programEnded(): Promise<void>;
  /** Passes a handler's failure on, recorded, or gives the answer for an operation that has ended. */
  guard<T>(call: () => Promise<T>): Promise<T>;
}

/** The parts that a monitor is made of. */
export interface MonitorParts {
  target: ProjectStack;
  preview: boolean;
  parallel: number;
  host: MonitorHost;
  registrations: Registrations;
  transforms: Transforms;
  hooks: Hooks;
  packages: Packages;
}

/** The service. */
export function monitorService(parts: MonitorParts): [ServiceDefinition, UntypedServiceImplementation] {
  const { host, transforms, hooks, packages } = parts;
  const guarded = <Request, Response>(handler: (request: Request) => Promise<Response>) =>
    unary((request: Request) => host.guard(() => handler(request)));
  const done = <Request>(handler: (request: Request) => void) =>
    guarded((request: Request) => {
      handler(request);
      return Promise.resolve(new emptyPb.Empty());
    });
  return [
    resourceGrpc.ResourceMonitorService,
    {
      getDeploymentInfo: unary(() => Promise.resolve(deploymentInfo(parts))),
      supportsFeature: unary((request: resourcePb.SupportsFeatureRequest) => {
        const response = new resourcePb.SupportsFeatureResponse();
        response.setHassupport(Object.hasOwn(FEATURES, request.getId()));
        return Promise.resolve(response);
      }),
      registerResource: guarded((request: resourcePb.RegisterResourceRequest) => registerResource(parts, request)),
      registerResourceOutputs: guarded(async (request: resourcePb.RegisterResourceOutputsRequest) => {
        await host.outputs(request.getUrn(), decodeStruct(request.getOutputs()));
        return new emptyPb.Empty();
      }),
      readResource: guarded((request: resourcePb.ReadResourceRequest) => readResource(parts, request)),
      existsResource: guarded(() => Promise.reject(unsupported("asking whether a resource exists"))),
      invoke: guarded((request: resourcePb.ResourceInvokeRequest) => invoke(parts, request)),
      call: guarded((request: resourcePb.ResourceCallRequest) => Promise.reject(unsupported(`the method call "${request.getTok()}"`))),
      registerStackTransform: done((callback: callbackPb.Callback) => transforms.addStackTransform(callback)),
      registerStackInvokeTransform: done((callback: callbackPb.Callback) => transforms.addInvokeTransform(callback)),
      registerResourceHook: done((request: resourcePb.RegisterResourceHookRequest) => hooks.register(request)),
      registerErrorHook: done((request: resourcePb.RegisterErrorHookRequest) => hooks.registerErrorHook(request)),
      registerPackage: guarded((request: resourcePb.RegisterPackageRequest) => {
        const response = new resourcePb.RegisterPackageResponse();
        response.setRef(packages.register(request));
        return Promise.resolve(response);
      }),
      signalAndWaitForShutdown: guarded(async () => {
        await host.programEnded();
        return new emptyPb.Empty();
      }),
    },
  ];
}

function deploymentInfo({ target, preview, parallel }: MonitorParts): resourcePb.DeploymentInfo {
  const info = new resourcePb.DeploymentInfo();
  info.setProject(target.project);
  info.setStack(target.stack);
  info.setOrganization(target.organization);
  for (const [key, value] of Object.entries(target.configuration.values)) info.getConfigMap().set(key, value);
  info.setConfigsecretkeysList(target.configuration.secretKeys);
  info.setDryrun(preview);
  info.setParallel(parallel);
  info.setSupportedfeaturesList([...Object.values(FEATURES), Feature.RESOURCE_MONITOR_FEATURE_INVOKE_PARENT]);
  return info;
}

async function registerResource({ host, registrations }: MonitorParts, request: resourcePb.RegisterResourceRequest): Promise<resourcePb.RegisterResourceResponse> {
  const { goal, done } = await registrations.goalOf(request);
  const state = await host.register(goal);
  done(state.urn);
  const response = new resourcePb.RegisterResourceResponse();
  response.setUrn(state.urn);
  response.setId(state.id ?? "");
  // A component's recorded outputs may name resources that this run has not registered yet.
  let outputs = goal.custom || goal.remote ? state.outputs : {};
  if (!request.getSupportspartialvalues()) outputs = Object.fromEntries(Object.entries(outputs).filter(([, value]) => !hasUnknown(value)));
  response.setObject(encodeStruct(outputs, { secrets: request.getAcceptsecrets(), resources: request.getAcceptresources() }));
  return response;
}

async function readResource({ host, packages }: MonitorParts, request: resourcePb.ReadResourceRequest): Promise<resourcePb.ReadResourceResponse> {
  const type = request.getType();
  const named = { name: packageOf(type), version: request.getVersion(), downloadUrl: request.getPlugindownloadurl() };
  let provider = request.getProvider();
  if (provider === "" && !isProviderType(type)) provider = await host.defaultProvider(packages.lookup(request.getPackageref(), named));
  const state = await host.read({
    type,
    name: request.getName(),
    id: request.getId(),
    parent: request.getParent() === "" ? undefined : request.getParent(),
    inputs: decodeStruct(request.getProperties()),
    provider,
    dependencies: request.getDependenciesList(),
    additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
  });
  const response = new resourcePb.ReadResourceResponse();
  response.setUrn(state.urn);
  response.setProperties(encodeStruct(state.outputs, { secrets: request.getAcceptsecrets(), resources: request.getAcceptresources() }));
  return response;
}

async function invoke({ host, transforms, packages, registrations }: MonitorParts, request: resourcePb.ResourceInvokeRequest): Promise<resourcePb.ResourceInvokeResponse> {
  const token = request.getTok();
  const initial = new resourcePb.TransformInvokeOptions();
  initial.setProvider(request.getProvider() === "" ? registrations.inheritedProvider(request.getParent(), packageOf(token)) : request.getProvider());
  initial.setVersion(request.getVersion());
  initial.setPluginDownloadUrl(request.getPlugindownloadurl());
  const { args, options } = await transforms.applyToInvoke(token, { args: decodeStruct(request.getArgs()), options: initial });
  const named = { name: packageOf(token), version: options.getVersion(), downloadUrl: options.getPluginDownloadUrl() };
  const pkg = packages.lookup(request.getPackageref(), named);
  const builtin = pkg.name === "pulumi";
  const provider = options.getProvider() === "" && !builtin ? await host.defaultProvider(pkg) : options.getProvider();
  const result = await host.invoke(token, args, provider);
  const response = new resourcePb.ResourceInvokeResponse();
  // getResource gives references whatever the SDK says, as Pulumi's engine does for older ones.
  response.setReturn(encodeStruct(result.outputs, { resources: request.getAcceptresources() || token === "pulumi:pulumi:getResource" }));
  response.setFailuresList(
    result.failures.map(({ property, reason }) => {
      const failure = new providerPb.CheckFailure();
      failure.setProperty(property);
      failure.setReason(reason);
      return failure;
    }),
  );
  return response;
}
