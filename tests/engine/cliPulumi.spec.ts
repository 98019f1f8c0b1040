import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type PlanDocument } from "../../engine/plan.ts";
import { gate, makeProject, program, runCli } from "./cli.ts";
import { makeFolder, removeFolders } from "./folders.ts";

describe("command line, with the Pulumi CLI", () => {
  afterEach(removeFolders);

  it("--engine pulumi runs the CLI and reads its events", async () => {
    const urn = "urn:pulumi:dev::shop::kubernetes:core/v1:ConfigMap::settings";
    const bin = makeFakeCli([
      {
        resourcePreEvent: {
          metadata: {
            op: "create",
            urn,
            type: "kubernetes:core/v1:ConfigMap",
            provider: "",
            new: { type: "", urn, custom: true, id: "", parent: "", inputs: { data: { a: "b" } }, outputs: {} },
          },
        },
      },
      {
        policyEvent: {
          resourceUrn: urn,
          message: "no maps",
          color: "never",
          policyName: "no-maps",
          policyPackName: "gate",
          policyPackVersion: "1.0.0",
          enforcementLevel: "mandatory",
        },
      },
      { diagnosticEvent: { message: "preview failed", severity: "error", color: "never" } },
    ]);
    const root = makeProject(program, { dev: "" }, { ...gate, "policies/config/dev.json": "{}" });
    const env = { PATH: `${bin}:${process.env["PATH"] ?? ""}` };
    const { code, stdout, stderr } = await runCli(
      root,
      ["preview", "--stack", "dev", "--engine", "pulumi", "--json", "plan.json"],
      env,
    );
    assert.equal(code, 2, `${stdout}\n${stderr}`);
    assert.match(stdout, /the CLI speaks: 4/);
    const [plan] = (JSON.parse(readFileSync(join(root, "plan.json"), "utf8")) as PlanDocument).plans;
    assert.deepEqual(
      [plan?.result, plan?.errors, plan?.summary.create, plan?.policies.findings[0]?.policy],
      ["violation", [], 1, "no-maps"],
    );
  });

  it("--engine pulumi: a CLI that fails is an error, with its own words", async () => {
    const bin = makeFakeCli([
      { diagnosticEvent: { message: "<{%fg 1%}>no such region<{%reset%}>", severity: "error", color: "never" } },
    ]);
    const root = makeProject(program, { dev: "" });
    const { code, stdout } = await runCli(
      root,
      ["preview", "--stack", "dev", "--engine", "pulumi", "--json", "plan.json"],
      {
        PATH: `${bin}:${process.env["PATH"] ?? ""}`,
      },
    );
    assert.equal(code, 1, stdout);
    const [plan] = (JSON.parse(readFileSync(join(root, "plan.json"), "utf8")) as PlanDocument).plans;
    assert.deepEqual([plan?.result, plan?.errors], ["error", ["no such region"]]);
  });
});

/** Just enough of the Pulumi CLI: its preview streams the given events and fails. Returns the folder to put on PATH. */
function makeFakeCli(events: readonly object[]): string {
  const bin = makeFolder({}, { modules: true });
  const script = `#!${process.execPath}
const args = process.argv.slice(2);
if (args[0] === "version") console.log("v3.270.0");
if (args[0] === "preview") {
  const grpc = require("@grpc/grpc-js");
  const { EventsClient } = require("@pulumi/pulumi/proto/events_grpc_pb.js");
  const { EventRequest } = require("@pulumi/pulumi/proto/events_pb.js");
  const address = args[args.indexOf("--event-log") + 1].replace("tcp://", "");
  const stream = new EventsClient(address, grpc.credentials.createInsecure()).streamEvents(() => process.exit(255));
  for (const event of ${JSON.stringify(events.map((event, sequence) => JSON.stringify({ sequence, timestamp: 1, ...event })))}) {
    const request = new EventRequest();
    request.setEvent(event);
    stream.write(request);
  }
  stream.end();
  console.log("the CLI speaks: " + args.filter((arg) => /polic/.test(arg)).length);
}
`;
  writeFileSync(join(bin, "pulumi"), script, { mode: 0o755 });
  return bin;
}
