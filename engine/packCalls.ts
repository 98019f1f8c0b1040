/** What is asked of a policy pack, and how its answers read: one function per call of Pulumi's analyzer protocol. */
import { readFileSync } from "node:fs";
import grpc from "@grpc/grpc-js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import struct from "google-protobuf/google/protobuf/struct_pb.js";
import proto from "@pulumi/pulumi/proto/analyzer_pb.js";
import { UserError, systemCode } from "./errors.ts";
import {
  type EnforcementLevel,
  type Finding,
  type PolicyResource,
  type ProjectStack,
  type PropertyMap,
  type Severity,
} from "./model.ts";
import { type PackProcess } from "./packProcess.ts";
import { type PolicySettings, parsePolicyConfig, settlePolicies } from "./policyConfig.ts";
import { decodeStruct } from "./wire.ts";
import { analyzerResource, analyzeRequest } from "./packMessages.ts";

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
/** An answer. `failed`: the pack threw or died; its findings then say so. */
export interface Reply {
  findings: Finding[];
  failed: boolean;
}

/** A configuration file, read. */
export interface GivenSettings {
  path: string;
  settings: PolicySettings;
}

const levels: readonly EnforcementLevel[] = ["advisory", "mandatory", "disabled", "remediate"];
const severities: readonly (Severity | undefined)[] = [undefined, "low", "medium", "high", "critical"];

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

/** Asks for what a pack changes in a resource before it is planned; each change is the whole set of inputs after it. */
export async function remediateResource(
  pack: ConfiguredPack,
  resource: PolicyResource,
): Promise<Reply & { changes: { policy: string; properties: PropertyMap }[] }> {
  const { process } = pack;
  try {
    const response = await process.call<proto.RemediateResponse>((client, done) =>
      client.remediate(analyzeRequest(resource, true), done),
    );
    const changes: { policy: string; properties: PropertyMap }[] = [];
    const findings: Finding[] = [];
    for (const remediation of response.getRemediationsList()) {
      const policy = remediation.getPolicyname();
      const warning = remediation.getDiagnostic();
      if (warning !== "") findings.push(finding(pack, policy, "advisory", warning, resource.urn));
      else if (remediation.hasProperties())
        changes.push({ policy, properties: decodeStruct(remediation.getProperties()) });
    }
    return { findings, changes, failed: false };
  } catch (error) {
    return { findings: [failure(pack, error, resource.urn)], changes: [], failed: true };
  }
}

/** Asks for a pack's judgement of one resource. */
export function analyzeResource(pack: ConfiguredPack, resource: PolicyResource): Promise<Reply> {
  const { process } = pack;
  return judge(
    pack,
    process.call<proto.AnalyzeResponse>((client, done) => client.analyze(analyzeRequest(resource, false), done)),
    resource.urn,
  );
}

/** Asks for a pack's judgement of the stack as a whole. */
export function analyzeResources(pack: ConfiguredPack, resources: readonly PolicyResource[]): Promise<Reply> {
  const { process } = pack;
  const request = new proto.AnalyzeStackRequest();
  request.setResourcesList(resources.map(analyzerResource));
  const known = new Set(resources.map(({ urn }) => urn));
  return judge(
    pack,
    process.call<proto.AnalyzeResponse>((client, done) => client.analyzeStack(request, done)),
    undefined,
    known,
  );
}

async function judge(
  pack: ConfiguredPack,
  answer: Promise<proto.AnalyzeResponse>,
  urn: string | undefined,
  known?: Set<string>,
): Promise<Reply> {
  try {
    const response = await answer;
    return {
      findings: response.getDiagnosticsList().map((diagnostic) => read(pack, diagnostic, urn, known)),
      failed: false,
    };
  } catch (error) {
    return { findings: [failure(pack, error, urn)], failed: true };
  }
}

function read(
  pack: ConfiguredPack,
  diagnostic: proto.AnalyzeDiagnostic,
  urn: string | undefined,
  known: Set<string> | undefined,
): Finding {
  const told = levels[diagnostic.getEnforcementlevel()] ?? "mandatory";
  // What a remediation could not mend counts as mandatory.
  const level = told === "remediate" ? "mandatory" : told;
  // A resource's finding belongs to that resource; a stack's to the resource it names, if there is one.
  const named = known?.has(diagnostic.getUrn()) === true ? diagnostic.getUrn() : undefined;
  // The SDK puts the description before each message; here it has a field of its own.
  const introduction = `${diagnostic.getDescription()}\n`;
  const whole = diagnostic.getMessage();
  const message =
    whole.startsWith(introduction) && whole.length > introduction.length ? whole.slice(introduction.length) : whole;
  const result = finding(pack, diagnostic.getPolicyname(), level, message, urn ?? named);
  return {
    ...result,
    severity: severities[diagnostic.getSeverity()] ?? result.severity,
    description: diagnostic.getDescription() || result.description,
  };
}

function finding(
  pack: ConfiguredPack,
  policy: string,
  level: EnforcementLevel,
  message: string,
  urn: string | undefined,
): Finding {
  const info = pack.policies.get(policy);
  return {
    pack: pack.name,
    packVersion: pack.version,
    policy,
    level,
    severity: info?.severity,
    urn,
    message,
    description: info?.description,
    remediation: info?.remediation,
    url: info?.url,
  };
}

/** A pack that cannot judge must not let pass. */
function failure(pack: ConfiguredPack, error: unknown, urn: string | undefined): Finding {
  const death = pack.process.death;
  const words = error instanceof Error && "details" in error ? String(error.details) : String(error);
  const policy = /(?:policy|remediation) '([^']+)' from policy pack/.exec(words)?.[1];
  const what =
    death === undefined && !isUnavailable(error) ? `threw: ${words}` : `${death ?? "is gone"} while it was judging`;
  return {
    ...finding(pack, policy ?? "pack-failure", "mandatory", `The policy pack ${pack.name} ${what}`, urn),
    severity: "critical",
    description: "A policy pack that fails checks nothing more, so nothing may pass.",
    remediation: `Mend the policy pack in ${pack.process.files.path}.`,
  };
}

function isUnavailable(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    (error.code === grpc.status.UNAVAILABLE || error.code === grpc.status.CANCELLED)
  );
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
