import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { Server, ServerCredentials, status, type sendUnaryData, type ServerUnaryCall } from "@grpc/grpc-js";
import * as engineService from "@pulumi/pulumi/proto/engine_grpc_pb";
import * as engineMessages from "@pulumi/pulumi/proto/engine_pb";
import * as monitorService from "@pulumi/pulumi/proto/resource_grpc_pb";
import * as monitorMessages from "@pulumi/pulumi/proto/resource_pb";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { changed, project, production, raw, refusal } from "./fixtures.ts";

const root = join(__dirname, "../..");

interface Run {
  readonly exitStatus: number | null;
  readonly logged: readonly string[];
  readonly registered: readonly string[];
}

/** Runs the program as Pulumi's language host does, against an engine that only takes notes. */
async function runProgram(config: ReturnType<typeof raw>): Promise<Run> {
  const logged: string[] = [];
  const registered: string[] = [];
  const server = new Server();
  const acknowledge = (_call: unknown, reply: sendUnaryData<Empty>) => reply(null, new Empty());
  server.addService(engineService.EngineService, {
    log: (call: ServerUnaryCall<engineMessages.LogRequest, Empty>, reply: sendUnaryData<Empty>) => {
      if (call.request.getSeverity() === engineMessages.LogSeverity.ERROR) logged.push(call.request.getMessage());
      reply(null, new Empty());
    },
  });
  server.addService(monitorService.ResourceMonitorService, {
    supportsFeature: (_call: unknown, reply: sendUnaryData<monitorMessages.SupportsFeatureResponse>) =>
      reply(null, new monitorMessages.SupportsFeatureResponse()),
    registerResource: (
      call: ServerUnaryCall<monitorMessages.RegisterResourceRequest, monitorMessages.RegisterResourceResponse>,
      reply: sendUnaryData<monitorMessages.RegisterResourceResponse>,
    ) => {
      registered.push(call.request.getType());
      if (call.request.getType() === "pulumi:pulumi:Stack")
        reply(
          null,
          new monitorMessages.RegisterResourceResponse().setUrn(
            `urn:pulumi:${config.stack}::${project}::pulumi:pulumi:Stack::stack`,
          ),
        );
      else reply({ code: status.UNIMPLEMENTED, details: "This engine registers nothing." });
    },
    registerResourceOutputs: acknowledge,
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const address = `127.0.0.1:${port}`;
  const options = [
    "--monitor",
    address,
    "--engine",
    address,
    "--project",
    project,
    "--stack",
    config.stack,
    "--pwd",
    root,
    "--dry-run",
    "--parallel",
    "1",
  ];
  const program = spawn(process.execPath, [join(root, "node_modules/@pulumi/pulumi/cmd/run"), ...options, "index.ts"], {
    cwd: root,
    stdio: "ignore",
    env: {
      ...process.env,
      PULUMI_NODEJS_TYPESCRIPT: "true",
      PULUMI_NODEJS_TSCONFIG_PATH: join(root, "tsconfig.pulumi.json"),
      PULUMI_CONFIG: JSON.stringify(config.all),
      PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(config.secretKeys),
    },
  });
  const [exitStatus] = (await once(program, "exit")) as [number | null];
  server.forceShutdown();
  return { exitStatus, logged, registered };
}

describe("the program with a bad configuration", () => {
  it("ends before any resource is registered, and tells everything in one message without a stack trace", async () => {
    const config = raw(
      "production",
      changed(production, { replicas: "s3cr3t", "canary.stepWeight": 15, "slo.errorRate": 7 }),
      ["replicas"],
    );
    const { exitStatus, logged, registered } = await runProgram(config);
    // Pulumi's word for "failed, and the reason is logged already"; engines make exit status 1 of it.
    assert.equal(exitStatus, 32);
    assert.deepEqual(
      registered.filter((type) => type !== "pulumi:pulumi:Stack"),
      [],
    );
    assert.deepEqual(
      logged.map((message) => message.trim()),
      [refusal(config).message.trim()],
    );
  });
});
