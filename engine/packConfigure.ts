/** Making a policy pack ready to judge: the stack it serves, and how its policies are set. */
import { readFileSync } from "node:fs";
import grpc from "@grpc/grpc-js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import struct from "google-protobuf/google/protobuf/struct_pb.js";
import proto from "@pulumi/pulumi/proto/analyzer_pb.js";
import { UserError, systemCode } from "./errors.ts";
import { type EnforcementLevel, type ProjectStack, type Severity } from "./model.ts";
import { type PackProcess } from "./packProcess.ts";
import { type PolicySettings, parsePolicyConfig, settlePolicies } from "./policyConfig.ts";

/** A policy as its pack describes it, with the level that holds. */
export interface PolicyInfo {
  name: string;
  level: EnforcementLevel;
  severity?: Severity;
  description: string;
  remediation?: string;
  url?: string;
}
/** A pack that is ready to judge. */
export interface ConfiguredPack {
  process: PackProcess;
  name: string;
  version: string;
  policies: Map<string, PolicyInfo>;
  /** True when some policy may change resources. */
  remediates: boolean;
  configPath?: string;
}
/** A configuration file, read. */
export interface GivenSettings {
  path: string;
  settings: PolicySettings;
}

/** The protocol's numbers in words. */
export const levels: readonly EnforcementLevel[] = ["advisory", "mandatory", "disabled", "remediate"];
export const severities: readonly (Severity | undefined)[] = [undefined, "low", "medium", "high", "critical"];
/**
 * Tells a pack which stack it judges and how its policies are set.
 * @throws UserError when the configuration does not fit the pack
 */
export async function configurePack(
  pack: PackProcess,
  target: ProjectStack,
  dryRun: boolean,
  given: GivenSettings | undefined,
): Promise<ConfiguredPack> {
  const { files } = pack;
  await optional(
    pack.call<proto.AnalyzerHandshakeResponse>((client, done) => client.handshake(handshake(files.path), done)),
  );
  await optional(
    pack.call<proto.AnalyzerStackConfigureResponse>((client, done) =>
      client.configureStack(stackRequest(target, dryRun), done),
    ),
  );
  const info = await pack.call<proto.AnalyzerInfo>((client, done) => client.getAnalyzerInfo(new empty.Empty(), done));
  const name = info.getName();
  if (given !== undefined && !info.getSupportsconfig())
    throw new UserError(`The policy pack ${name} takes no configuration, and ${given.path} is one.`);
  const settled = settlePolicies(name, info.getPoliciesList().map(configurable), initialSettings(info), given);
  await pack.call<empty.Empty>((client, done) => client.configure(configureRequest(settled), done));
  const policies = new Map(
    info.getPoliciesList().map((policy) => [policy.getName(), describe(policy, settled.get(policy.getName())?.level)]),
  );
  return {
    process: pack,
    name,
    version: files.version ?? info.getVersion(),
    policies,
    remediates: [...policies.values()].some(({ level }) => level === "remediate"),
    configPath: given?.path,
  };
}

/**
 * Reads a configuration file.
 * @throws UserError when it cannot be read or is malformed
 */
export function readSettings(path: string): GivenSettings {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new UserError(
      `The policy configuration ${path} cannot be read: ${systemCode(cause) ?? String(cause)}.`,
      undefined,
      { cause },
    );
  }
  return { path, settings: parsePolicyConfig(text, path) };
}

/** A pack of an older SDK does not know every call; that is no error. */
async function optional(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === grpc.status.UNIMPLEMENTED)) throw error;
  }
}

function handshake(folder: string): proto.AnalyzerHandshakeRequest {
  const request = new proto.AnalyzerHandshakeRequest();
  request.setEngineAddress("127.0.0.1:0");
  request.setRootDirectory(folder);
  request.setProgramDirectory(folder);
  return request;
}

function stackRequest(target: ProjectStack, dryRun: boolean): proto.AnalyzerStackConfigureRequest {
  const request = new proto.AnalyzerStackConfigureRequest();
  request.setStack(target.stack);
  request.setProject(target.project);
  request.setOrganization(target.organization);
  request.setDryRun(dryRun);
  request.setConfigSecretKeysList(target.configuration.secretKeys);
  for (const [key, value] of Object.entries(target.configuration.values)) request.getConfigMap().set(key, value);
  return request;
}

function configurable(policy: proto.PolicyInfo) {
  const schema = policy.getConfigschema();
  return {
    name: policy.getName(),
    level: levels[policy.getEnforcementlevel()] ?? "mandatory",
    properties: schema?.getProperties()?.toJavaScript() ?? {},
    required: schema?.getRequiredList() ?? [],
  };
}

function initialSettings(info: proto.AnalyzerInfo): PolicySettings {
  const settings: PolicySettings = new Map();
  info.getInitialconfigMap().forEach((config, name) => {
    settings.set(name, {
      level: levels[config.getEnforcementlevel()],
      properties: config.getProperties()?.toJavaScript() ?? {},
    });
  });
  return settings;
}

function configureRequest(settled: ReturnType<typeof settlePolicies>): proto.ConfigureAnalyzerRequest {
  const request = new proto.ConfigureAnalyzerRequest();
  const { ADVISORY, MANDATORY, DISABLED, REMEDIATE } = proto.EnforcementLevel;
  const wire = { advisory: ADVISORY, mandatory: MANDATORY, disabled: DISABLED, remediate: REMEDIATE };
  for (const [name, { level, properties }] of settled) {
    const config = new proto.PolicyConfig();
    config.setEnforcementlevel(wire[level]);
    config.setProperties(struct.Struct.fromJavaScript(properties));
    request.getPolicyconfigMap().set(name, config);
  }
  return request;
}

function describe(policy: proto.PolicyInfo, level: EnforcementLevel | undefined): PolicyInfo {
  return {
    name: policy.getName(),
    level: level ?? levels[policy.getEnforcementlevel()] ?? "mandatory",
    severity: severities[policy.getSeverity()],
    description: policy.getDescription(),
    remediation: policy.getRemediationSteps() || undefined,
    url: policy.getUrl() || undefined,
  };
}
