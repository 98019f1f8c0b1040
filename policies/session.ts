/**
 * What the engine tells this pack: for which stack it judges, and how each policy is set. The SDK keeps both to itself, so the messages of Pulumi's protocol are
 * read on their way in, and answers are seen on their way out. Where a later SDK is built otherwise nothing is seen, and `configured` stays undefined.
 */
import { createRequire } from "node:module";
import { z } from "zod";
import type { Level, Rule } from "./rule.ts";
import { WAIVERS_POLICY } from "./settings.ts";
import { waiverSchema, type Waiver } from "./waivers.ts";

/** How one policy is set. */
export interface PolicySetting {
  readonly level: Level | "remediate" | "disabled";
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** The stack that is judged. */
export interface StackIdentity {
  readonly organization: string;
  readonly project: string;
  readonly stack: string;
  /** True in a preview. */
  readonly dryRun: boolean;
}

/** What was told so far. */
export class Session {
  /** Settings by policy; undefined until the engine has sent them. */
  configured: ReadonlyMap<string, PolicySetting> | undefined;
  stack: StackIdentity | undefined;

  /** The level that holds for a rule; undefined while nothing has been told. */
  levelOf(rule: Rule): PolicySetting["level"] | undefined {
    return this.configured && (this.configured.get(rule.id)?.level ?? rule.level);
  }

  /** The waivers that are configured; none when they are not valid; undefined while nothing has been told. */
  waivers(): readonly Waiver[] | undefined {
    if (!this.configured) return undefined;
    const parsed = z.array(waiverSchema).safeParse(this.configured.get(WAIVERS_POLICY)?.parameters.list ?? []);
    return parsed.success ? parsed.data : [];
  }
}

/** What is called when an answer is about to go out; an exception makes the answer an error. */
export interface Answers {
  readonly analyze?: () => void;
  readonly analyzeStack?: () => void;
}

interface Method {
  requestDeserialize: (bytes: Buffer) => unknown;
  responseSerialize: (message: unknown) => Buffer;
}
type Service = Readonly<Record<"configure" | "configureStack" | "analyze" | "analyzeStack", Method>>;
interface ConfigureRequest {
  getPolicyconfigMap(): { entries(): Iterable<[string, { getEnforcementlevel(): number; getProperties(): { toJavaScript(): Record<string, unknown> } | undefined }]> };
}
interface StackRequest {
  getOrganization(): string;
  getProject(): string;
  getStack(): string;
  getDryRun(): boolean;
}

/** The protocol's numbers in words. */
const LEVELS = ["advisory", "mandatory", "disabled", "remediate"] as const;

/** Follows the conversation; to be called before the pack is made. */
export function openSession(answers: Answers = {}): Session {
  const session = new Session();
  const service = protocol();
  if (!service) return session;
  onRequest(service.configure, (message) => {
    const request = message as ConfigureRequest;
    const entries = [...request.getPolicyconfigMap().entries()];
    session.configured = new Map(entries.map(([name, config]) => [name, { level: LEVELS[config.getEnforcementlevel()] ?? "mandatory", parameters: config.getProperties()?.toJavaScript() ?? {} }]));
  });
  onRequest(service.configureStack, (message) => {
    const request = message as StackRequest;
    session.stack = { organization: request.getOrganization(), project: request.getProject(), stack: request.getStack(), dryRun: request.getDryRun() };
  });
  if (answers.analyze) onAnswer(service.analyze, answers.analyze);
  if (answers.analyzeStack) onAnswer(service.analyzeStack, answers.analyzeStack);
  return session;
}

function onRequest(method: Method, heard: (request: unknown) => void): void {
  const original = method.requestDeserialize;
  method.requestDeserialize = (bytes) => {
    const request = original(bytes);
    heard(request);
    return request;
  };
}

function onAnswer(method: Method, before: () => void): void {
  const original = method.responseSerialize;
  method.responseSerialize = (message) => {
    before();
    return original(message);
  };
}

/** The protocol's own description, as the SDK that serves it has loaded it. */
function protocol(): Service | undefined {
  try {
    const sdk = createRequire(createRequire(__filename).resolve("@pulumi/policy"));
    return (sdk("@pulumi/pulumi/proto/analyzer_grpc_pb") as { AnalyzerService?: Service }).AnalyzerService;
  } catch {
    return undefined; // the module has moved
  }
}
