/** The pack in Pulumi's own runner, as a Pulumi engine talks to it. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(import.meta.url);

interface Message {
  [method: string]: (...args: never[]) => unknown;
}
type Constructor = new () => Message;
/** The generated protocol code has no types for what is used here. */
type Call = (request: unknown, reply: (error: Error | null, response: Reply) => void) => void;
interface Reply {
  getRemediationsList(): { getPolicyname(): string; getProperties(): { toJavaScript(): Record<string, unknown> } | undefined; getDiagnostic(): string }[];
  getDiagnosticsList(): { getPolicyname(): string; getMessage(): string; getEnforcementlevel(): number; getUrn(): string }[];
}

const grpc = require("@grpc/grpc-js") as { credentials: { createInsecure(): unknown } };
const messages = require("@pulumi/pulumi/proto/analyzer_pb.js") as Record<string, Constructor>;
const { AnalyzerClient } = require("@pulumi/pulumi/proto/analyzer_grpc_pb.js") as { AnalyzerClient: new (address: string, credentials: unknown, options: object) => { analyze: Call; analyzeStack: Call; remediate: Call; configure: Call; configureStack: Call; close(): void } };
const { Struct } = require("google-protobuf/google/protobuf/struct_pb.js") as { Struct: { fromJavaScript(value: object): unknown } };

/** One finding as the engine receives it. */
export interface Diagnostic {
  policy: string;
  message: string;
  /** `advisory` or `mandatory`. */
  level: string;
  urn: string;
}

/** What is registered with the pack. */
export interface Registration {
  type: string;
  name: string;
  properties: object;
}

/** A started pack. */
export class PackProcess {
  readonly #child: ChildProcess;
  readonly #client: InstanceType<typeof AnalyzerClient>;

  private constructor(child: ChildProcess, port: string) {
    this.#child = child;
    this.#client = new AnalyzerClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  }

  /** Starts the bundled pack under its own `cmd/run-policy-pack` and waits for its port. */
  static async start(environment: Record<string, string> = {}, pack = resolve("policies")): Promise<PackProcess> {
    const runner = createRequire(join(pack, "package.json")).resolve("@pulumi/pulumi/cmd/run-policy-pack/index.js");
    const child = spawn(process.execPath, [runner, "127.0.0.1:1", pack], { cwd: pack, env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "inherit"] });
    const exited = once(child, "exit").then(() => {
      throw new Error("the pack ended before it said its port");
    });
    const first = once(createInterface({ input: child.stdout }), "line") as Promise<[string]>;
    const [port] = await Promise.race([first, exited]);
    return new PackProcess(child, port);
  }

  /** Sends the configuration: `{policy: {enforcementLevel?, …}}`. */
  async configure(configuration: Record<string, Record<string, unknown>>): Promise<void> {
    const request = make("ConfigureAnalyzerRequest");
    const map = (request as unknown as { getPolicyconfigMap(): { set(key: string, value: unknown): void } }).getPolicyconfigMap();
    const levels = ["advisory", "mandatory", "disabled", "remediate"];
    for (const [policy, { enforcementLevel, ...properties }] of Object.entries(configuration)) {
      const config = make("PolicyConfig");
      call(config, "setEnforcementlevel", levels.indexOf(String(enforcementLevel)));
      call(config, "setProperties", Struct.fromJavaScript(properties));
      map.set(policy, config);
    }
    await this.#ask("configure", request);
  }

  /** Findings on one resource. */
  async analyze(registration: Registration): Promise<Diagnostic[]> {
    return diagnostics(await this.#ask("analyze", filled(make("AnalyzeRequest"), registration)));
  }

  /** The properties after each remediation, by policy. */
  async remediate(registration: Registration): Promise<{ policy: string; properties?: Record<string, unknown>; diagnostic: string }[]> {
    const reply = await this.#ask("remediate", filled(make("AnalyzeRequest"), registration));
    return reply.getRemediationsList().map((each) => ({ policy: each.getPolicyname(), properties: each.getProperties()?.toJavaScript(), diagnostic: each.getDiagnostic() }));
  }

  /** Findings on a whole stack. */
  async analyzeStack(registrations: readonly Registration[]): Promise<Diagnostic[]> {
    const request = make("AnalyzeStackRequest");
    call(request, "setResourcesList", registrations.map((registration) => filled(make("AnalyzerResource"), registration)));
    return diagnostics(await this.#ask("analyzeStack", request));
  }

  /** Ends the process and waits for it. */
  async stop(): Promise<void> {
    this.#client.close();
    const gone = once(this.#child, "exit");
    this.#child.kill();
    await gone;
  }

  #ask(method: "analyze" | "analyzeStack" | "remediate" | "configure" | "configureStack", request: unknown): Promise<Reply> {
    return new Promise((done, fail) => {
      this.#client[method](request, (error, response) => {
        if (error) fail(error);
        else done(response);
      });
    });
  }
}

/** URN of a registration in the stack `test`. */
export function urnOf({ type, name }: Registration): string {
  return `urn:pulumi:test::test::${type}::${name}`;
}

function make(name: string): Message {
  const Type = messages[name];
  if (!Type) throw new Error(`the protocol has no ${name}`);
  return new Type();
}

function call(message: Message, method: string, argument: unknown): void {
  (message[method] as (argument: unknown) => void).call(message, argument);
}

function filled(message: Message, registration: Registration): Message {
  call(message, "setType", registration.type);
  call(message, "setName", registration.name);
  call(message, "setUrn", urnOf(registration));
  call(message, "setProperties", Struct.fromJavaScript(registration.properties));
  call(message, "setOptions", make("AnalyzerResourceOptions"));
  return message;
}

function diagnostics(reply: Reply): Diagnostic[] {
  return reply.getDiagnosticsList().map((diagnostic) => ({
    policy: diagnostic.getPolicyname(),
    message: diagnostic.getMessage(),
    level: ["advisory", "mandatory", "disabled", "remediate"][diagnostic.getEnforcementlevel()] ?? "?",
    urn: diagnostic.getUrn(),
  }));
}
