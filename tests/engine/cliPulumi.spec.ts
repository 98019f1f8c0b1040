import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plan } from "../../engine/plan.ts";
import { gate, makeProject, planOf, program, runCli, startCli } from "./cli.ts";
import { makeFolder, removeFolders } from "./folders.ts";

describe("command line, with the Pulumi CLI", () => {
  afterEach(removeFolders);

  it("--engine pulumi runs the CLI and reads its events", async () => {
    const urn = "urn:pulumi:dev::shop::kubernetes:core/v1:ConfigMap::settings";
    const bin = makeFakeCli({ preview: [
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
    ] });
    const root = makeProject(program, { dev: "" }, { ...gate, "policies/config/dev.json": "{}" });
    const env = { PATH: `${bin}:${process.env["PATH"] ?? ""}` };
    const { code, stdout, stderr } = await runCli(
      root,
      ["preview", "--stack", "dev", "--engine", "pulumi", "--json", "plan.json"],
      env,
    );
    assert.equal(code, 2, `${stdout}\n${stderr}`);
    assert.match(stdout, /the CLI speaks of preview: 4/);
    const plan = planOf(root);
    assert.deepEqual(
      [plan?.result, plan?.errors, plan?.summary.create, plan?.policies.findings[0]?.policy],
      ["violation", [], 1, "no-maps"],
    );
  });

  it("--engine pulumi: a CLI that fails is an error, with its own words", async () => {
    const bin = makeFakeCli({ preview: [
      { diagnosticEvent: { message: "<{%fg 1%}>no such region<{%reset%}>", severity: "error", color: "never" } },
    ] });
    const root = makeProject(program, { dev: "" });
    const { code, stdout } = await runCli(
      root,
      ["preview", "--stack", "dev", "--engine", "pulumi", "--json", "plan.json"],
      {
        PATH: `${bin}:${process.env["PATH"] ?? ""}`,
      },
    );
    assert.equal(code, 1, stdout);
    const plan = planOf(root);
    assert.deepEqual([plan?.result, plan?.errors], ["error", ["no such region"]]);
  });

  it("takes a CLI of the machine before the project's package that downloads one, wherever npm has put that", async () => {
    const bin = makeFakeCli({ preview: [stepEvent("resourcePreEvent", "create", "kubernetes:core/v1:ConfigMap", "settings", { inputs: {} })] });
    const root = makeProject(program, { dev: "" });
    const packages = join(bin, "node_modules/.bin");
    mkdirSync(packages, { recursive: true });
    writeFileSync(join(packages, "pulumi"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    const { code, stdout, stderr } = await runCli(root, ["preview", "--stack", "dev", "--engine", "pulumi"], { PATH: `${packages}:${bin}:${process.env["PATH"] ?? ""}` });
    assert.equal(code, 0, stdout + stderr);
  });

  describe("up and destroy", () => {
    const map = (op: string, event: "resourcePreEvent" | "resOutputsEvent", id = "") => stepEvent(event, op, "kubernetes:core/v1:ConfigMap", "settings", { id, inputs: { data: { a: "b" } } });
    const outputs = stepEvent("resOutputsEvent", "create", "pulumi:pulumi:Stack", "shop-dev", { outputs: { name: "settings" } });
    const mandatory = { policyEvent: { resourceUrn: urnOf("kubernetes:core/v1:ConfigMap", "settings"), message: "no maps", color: "never", policyName: "no-maps", policyPackName: "gate", policyPackVersion: "1.0.0", enforcementLevel: "mandatory" } };
    const failure = (message: string) => ({ diagnosticEvent: { message, severity: "error", color: "never" } });
    /** Runs a command by a CLI of these events. */
    const runBy = async (events: FakeEvents, ...args: readonly string[]): Promise<{ code: number | null; text: string; calls: string[][]; plan: Plan | undefined }> => {
      const root = makeProject(program, { dev: "" });
      const bin = makeFakeCli(events);
      const { code, stdout, stderr } = await runCli(root, [...args, "--stack", "dev", "--engine", "pulumi", "--json", "plan.json"], { PATH: `${bin}:${process.env["PATH"] ?? ""}` });
      const log = join(bin, "calls");
      const calls = existsSync(log) ? readFileSync(log, "utf8").trim().split("\n").map((line) => JSON.parse(line) as string[]) : [];
      const plan = existsSync(join(root, "plan.json")) ? planOf(root) : undefined;
      return { code, text: stdout + stderr, calls, plan };
    };
    const commands = (calls: readonly string[][]): (string | undefined)[] => calls.map(([command]) => command).filter((command) => ["preview", "up", "destroy"].includes(command ?? ""));

    it("up previews first, then makes it true, and tells what it made", async () => {
      const { code, text, calls, plan } = await runBy({ preview: [map("create", "resourcePreEvent")], up: [map("create", "resourcePreEvent"), map("create", "resOutputsEvent", "default/settings"), outputs] }, "up", "--refresh");
      assert.equal(code, 0, text);
      assert.deepEqual(commands(calls), ["preview", "up"]);
      assert.ok(calls.filter(([command]) => command === "preview" || command === "up").every((args) => args.includes("--refresh")));
      assert.match(text, /the CLI speaks of up/);
      assert.deepEqual([plan?.kind, plan?.result, plan?.summary.create, plan?.steps[0]?.id, plan?.outputs], ["update", "clean", 1, "default/settings", { name: "settings" }]);
    });

    it("a mandatory policy in the preview: status 2, and nothing is changed", async () => {
      const { code, text, calls, plan } = await runBy({ preview: [map("create", "resourcePreEvent"), mandatory, failure("preview failed")] }, "up");
      assert.equal(code, 2, text);
      assert.deepEqual(commands(calls), ["preview"]);
      assert.match(text, /Nothing was changed\./);
      assert.deepEqual([plan?.kind, plan?.result, plan?.steps], ["update", "violation", []]);
    });

    it("a preview that fails: status 1, and nothing is changed", async () => {
      const { code, calls, plan } = await runBy({ preview: [failure("no such region")] }, "up");
      assert.deepEqual([code, commands(calls), plan?.errors], [1, ["preview"], ["no such region"]]);
    });

    it("an update that fails half-way: status 1, with the CLI's reason and what was done", async () => {
      const { code, plan } = await runBy({ preview: [], up: [map("create", "resourcePreEvent"), failure("the quota is used up"), failure("update failed")] }, "up");
      assert.deepEqual([code, plan?.result, plan?.errors, plan?.summary.create], [1, "error", ["the quota is used up"], 1]);
    });

    it("a finding that is excepted stops nothing, as in the CLI, and keeps its severity", async () => {
      const excepted = { policyEvent: { ...mandatory.policyEvent, severity: "high", exceptions: [{ id: "EXC-42", reason: "until it is replaced" }] } };
      const { code, text, plan } = await runBy({ preview: [excepted], up: [excepted] }, "up");
      assert.equal(code, 0, text);
      assert.deepEqual(plan?.policies.findings.map(({ level, severity }) => [level, severity]), [["advisory", "high"]]);
    });

    it("a stack that somebody else changes: status 1, with who holds it and how to go on", async () => {
      const refusal = [
        "the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`.",
        "  file:///states/.pulumi/locks/organization/shop/dev/1f2e.json: created by anna@build-1 (pid 4711) at 2026-11-30T07:00:00Z",
      ];
      const { code, text, calls, plan } = await runBy({ preview: [], up: { refused: refusal.join("\n") } }, "up");
      assert.equal(code, 1, text);
      assert.deepEqual(commands(calls), ["preview", "up"]);
      assert.deepEqual(plan?.errors, [`The Pulumi CLI failed: ${refusal.map((line) => line.trim()).join(" ")}`]);
    });

    it("destroy asks for no preview and no policies", async () => {
      const { code, text, calls, plan } = await runBy({ destroy: [stepEvent("resourcePreEvent", "delete", "kubernetes:core/v1:ConfigMap", "settings", {})] }, "destroy");
      assert.equal(code, 0, text);
      assert.deepEqual([commands(calls), plan?.kind, plan?.summary.delete], [["destroy"], "destroy", 1]);
      assert.ok(calls.every((args) => !args.includes("--policy-pack")));
    });

    it("interrupted: the CLI is told to stop, and the status is 130", async () => {
      const root = makeProject(program, { dev: "" });
      const bin = makeFakeCli({ preview: [], up: "wait" });
      const running = startCli(root, ["up", "--stack", "dev", "--engine", "pulumi"], { PATH: `${bin}:${process.env["PATH"] ?? ""}` });
      await running.printed(/the CLI speaks of up/);
      running.child.kill("SIGTERM");
      const { code, stdout, stderr } = await running.ended;
      assert.equal(code, 130, stdout + stderr);
      assert.match(stdout, /the CLI stops/);
    });

    for (const [option, reason] of [
      [["--state", "s.json"], /--state names a file of the embedded engine/],
      [["--require-policy"], /--require-policy is for the embedded engine/],
      [["--context", "kind"], /--context is for the embedded engine.*\n.*pulumi config set kubernetes:context kind --stack dev/],
    ] as const) {
      it(`${option[0]} is refused before the CLI is asked anything`, async () => {
        const { code, text, calls } = await runBy({}, "up", ...option);
        assert.equal(code, 1);
        assert.match(text, reason);
        assert.deepEqual(calls, []);
      });
    }
  });
});

/** Events by command; "wait": it works until it is told to stop; `refused`: its only words, before any event. */
type FakeEvents = { [command in "preview" | "up" | "destroy"]?: readonly object[] | "wait" | { refused: string } };

function urnOf(type: string, name: string): string {
  return `urn:pulumi:dev::shop::${type}::${name}`;
}

/** As the real CLI writes it: null for what is not there. */
function stepEvent(event: "resourcePreEvent" | "resOutputsEvent", op: string, type: string, name: string, { id = "", inputs = {}, outputs = {} }: { id?: string; inputs?: object; outputs?: object }): object {
  const state = { type, urn: urnOf(type, name), custom: true, id, parent: "", inputs, outputs };
  return { [event]: { metadata: { op, urn: state.urn, type, provider: "", keys: null, diffs: null, detailedDiff: null, old: op === "delete" ? state : null, new: op === "delete" ? null : state } } };
}

/**
 * Just enough of the Pulumi CLI: its commands stream the given events, and fail when one of them is an error. It writes its arguments down.
 * Returns the folder to put on PATH.
 */
function makeFakeCli(events: FakeEvents): string {
  const bin = makeFolder({}, { modules: true });
  const lines = Object.fromEntries(Object.entries(events).map(([command, list]) => [command, list === "wait" || "refused" in list ? list : list.map((event, sequence) => JSON.stringify({ sequence, timestamp: 1, ...event }))]));
  const script = `#!${process.execPath}
const args = process.argv.slice(2);
const events = ${JSON.stringify(lines)}[args[0]];
require("node:fs").appendFileSync(__dirname + "/calls", JSON.stringify(args) + "\\n");
if (args[0] === "version") console.log("v3.270.0");
else if (args[0] === "stack" && args[1] === "export") console.log(JSON.stringify({ version: 3, deployment: { resources: [] } }));
else if (args[0] === "stack" && args[1] === "history") console.log("[]");
else if (args[0] === "stack" && args[1] === "output") console.log("{}");
else if (args[0] === "config") console.log("{}");
else if (events?.refused !== undefined) {
  console.log("Updating (dev):\\n");
  console.error("error: " + events.refused);
  process.exitCode = 1;
}
else if (events !== undefined) {
  const grpc = require("@grpc/grpc-js");
  const { EventsClient } = require("@pulumi/pulumi/proto/events_grpc_pb.js");
  const { EventRequest } = require("@pulumi/pulumi/proto/events_pb.js");
  const address = args[args.indexOf("--event-log") + 1].replace("tcp://", "");
  const failed = events !== "wait" && events.some((event) => event.includes('"error"'));
  const stream = new EventsClient(address, grpc.credentials.createInsecure()).streamEvents(() => process.exit(failed ? 1 : 0));
  if (events === "wait") process.once("SIGINT", () => { console.log("the CLI stops"); stream.end(); });
  console.log("the CLI speaks of " + args[0] + ": " + args.filter((arg) => /polic/.test(arg)).length);
  if (events !== "wait") {
    for (const event of events) {
      const request = new EventRequest();
      request.setEvent(event);
      stream.write(request);
    }
    stream.end();
  }
}
`;
  writeFileSync(join(bin, "pulumi"), script, { mode: 0o755 });
  return bin;
}
