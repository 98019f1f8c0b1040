/** Resources as Pulumi's analyzer protocol carries them. */
import proto from "@pulumi/pulumi/proto/analyzer_pb.js";
import { type PolicyResource, type PropertyMap, type PropertyValue } from "./model.ts";
import { encodeStruct, isPropertyMap } from "./wire.ts";

/** One resource to judge (or, with `internal`, to change: internal properties are then sent, too). */
export function analyzeRequest(resource: PolicyResource, internal: boolean): proto.AnalyzeRequest {
  const request = new proto.AnalyzeRequest();
  request.setType(resource.type);
  request.setUrn(resource.urn);
  request.setName(resource.name);
  request.setProperties(
    encodeStruct(internal ? resource.properties : withoutInternal(resource.properties), { resources: false }),
  );
  request.setOptions(optionsOf(resource));
  request.setProvider(providerOf(resource));
  return request;
}

/** One resource among all of a stack. */
export function analyzerResource(resource: PolicyResource): proto.AnalyzerResource {
  const message = new proto.AnalyzerResource();
  message.setType(resource.type);
  message.setUrn(resource.urn);
  message.setName(resource.name);
  message.setProperties(encodeStruct(withoutInternal(resource.properties), { resources: false }));
  message.setOptions(optionsOf(resource));
  message.setProvider(providerOf(resource));
  message.setParent(resource.parent ?? "");
  message.setDependenciesList(resource.dependencies);
  for (const [property, urns] of Object.entries(resource.propertyDependencies)) {
    if (urns.length === 0) continue;
    const dependencies = new proto.AnalyzerPropertyDependencies();
    dependencies.setUrnsList(urns);
    message.getPropertydependenciesMap().set(property, dependencies);
  }
  return message;
}

function optionsOf({ options, parent }: PolicyResource): proto.AnalyzerResourceOptions {
  const message = new proto.AnalyzerResourceOptions();
  message.setProtect(options.protect);
  message.setIgnorechangesList(options.ignoreChanges);
  message.setDeletebeforereplace(options.deleteBeforeReplace ?? false);
  message.setDeletebeforereplacedefined(options.deleteBeforeReplace !== undefined);
  message.setAdditionalsecretoutputsList(options.additionalSecretOutputs);
  message.setAliasesList(options.aliases);
  message.setParent(parent ?? "");
  const timeouts = new proto.AnalyzerResourceOptions.CustomTimeouts();
  timeouts.setCreate(options.customTimeouts.create);
  timeouts.setUpdate(options.customTimeouts.update);
  timeouts.setDelete(options.customTimeouts.delete);
  message.setCustomtimeouts(timeouts);
  return message;
}

function providerOf({ provider }: PolicyResource): proto.AnalyzerProviderResource | undefined {
  if (provider === undefined) return undefined;
  const message = new proto.AnalyzerProviderResource();
  message.setType(provider.type);
  message.setUrn(provider.urn);
  message.setName(provider.name);
  message.setProperties(encodeStruct(withoutInternal(provider.properties), { resources: false }));
  return message;
}

/** Pulumi keeps properties that begin with two underscores from policies. */
function withoutInternal(properties: PropertyMap): PropertyMap {
  return Object.fromEntries(
    Object.entries(properties)
      .filter(([key]) => !key.startsWith("__"))
      .map(([key, value]) => [key, cleaned(value)]),
  );
}

function cleaned(value: PropertyValue): PropertyValue {
  if (Array.isArray(value)) return value.map(cleaned);
  return isPropertyMap(value) ? withoutInternal(value) : value;
}
