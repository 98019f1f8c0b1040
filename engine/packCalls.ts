/** What is asked of a policy pack, and how its answers read: one function per call of Pulumi's analyzer protocol. */
import grpc from "@grpc/grpc-js";
import proto from "@pulumi/pulumi/proto/analyzer_pb.js";
import { type EnforcementLevel, type Finding, type PolicyResource, type PropertyMap } from "./model.ts";
import { type ConfiguredPack, levels, severities } from "./packConfigure.ts";
import { analyzerResource, analyzeRequest } from "./packMessages.ts";
import { decodeStruct } from "./wire.ts";

/** An answer. `failed`: the pack threw or died; its findings then say so. */
export interface Reply {
  findings: Finding[];
  failed: boolean;
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
