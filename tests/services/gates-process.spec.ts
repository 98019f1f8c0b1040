import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { configurationVariables } from "../../services/gates/config.ts";
import { malformedBodies } from "./gates-bodies.ts";
import { gateEnvironment, gateFiles, payload, places, putRelease, Stub, token } from "./gates-world.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

interface Reply {
  status: number;
  text: string;
  connection: string | undefined;
}

describe("gates: the process", () => {
  let made: ReturnType<typeof gateFiles>;
  let stub: Stub;
  let gate: ChildProcess;
  let port: number;
  let agent: Agent;
  let exited: Promise<number | null>;

  before(() => {
    made = gateFiles();
    execFileSync(process.execPath, [join(root, "services/build.mjs"), made.folder, "gates"]);
  });
  after(() => made.remove());
  beforeEach(async () => {
    stub = await Stub.start();
    putRelease(stub);
    agent = new Agent({ keepAlive: true });
    gate = spawn(process.execPath, [join(made.folder, "gates.mjs")], { env: gateEnvironment("compliance", stub.address, made.files), stdio: ["ignore", "pipe", "inherit"] });
    exited = new Promise((resolve) => gate.once("exit", resolve));
    port = await listening(gate);
  });
  afterEach(async () => {
    gate.kill("SIGKILL");
    await exited;
    agent.destroy();
    await stub.stop();
  });

  /** The port that the gate says it listens on; its log is read to its end, so that it never waits for a full pipe. */
  async function listening(child: ChildProcess): Promise<number> {
    if (child.stdout === null) throw new Error("no output");
    const lines = createInterface(child.stdout);
    return new Promise((resolve, reject) => {
      lines.on("line", (line) => {
        const { msg, port: bound } = JSON.parse(line) as { msg?: string; port?: number };
        if (msg === "Listening" && bound !== undefined) resolve(bound);
      });
      lines.once("close", () => reject(new Error("the gate ended before it listened")));
    });
  }

  async function ask(body: Buffer | string, path = `/validate?token=${token}`, headers: Record<string, string> = { "Content-Type": "application/json" }): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const sent = request({ agent, host: "127.0.0.1", port, path, method: "POST", headers }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (part: string) => (text += part));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text, connection: response.headers.connection }));
      });
      sent.once("error", reject);
      sent.end(body);
    });
  }
  const good = JSON.stringify(payload());

  it("answers malformed bodies as a process as it does as a function, and then a good one", async () => {
    for (const malformed of malformedBodies(400)) assert.ok([403, 409, 422].includes((await ask(malformed)).status), String(malformed));
    assert.equal((await ask(good)).status, 200);
    assert.equal(gate.exitCode, null);
  });

  it("answers the question it has when it is asked to stop, then ends with 0", async () => {
    let release = (): void => undefined;
    const asked = new Promise<void>((resolve) => {
      stub.hold(places.evidence, new Promise((open) => (release = open)), resolve);
    });
    const answer = ask(good);
    await asked;
    gate.kill("SIGTERM");
    // The gate has heard it when it no longer calls itself ready.
    while ((await new Promise<number>((resolve, reject) => request({ host: "127.0.0.1", port, path: "/ready", agent: false }, (r) => resolve(r.resume().statusCode ?? 0)).once("error", () => resolve(0)).end().once("timeout", reject))) === 200) await new Promise(setImmediate);
    release();
    const { status, connection } = await answer;
    assert.deepEqual([status, connection], [200, "close"]);
    assert.equal(await exited, 0);
  });

  it("ends at once when asked twice, though a question hangs", async () => {
    const asked = new Promise<void>((resolve) => stub.hold(places.evidence, new Promise(() => undefined), resolve));
    const answer = ask(good).catch((error: unknown) => error);
    await asked;
    gate.kill("SIGTERM");
    while (gate.exitCode === null && gate.signalCode === null) {
      gate.kill("SIGTERM");
      await Promise.race([exited, new Promise(setImmediate)]);
    }
    assert.equal(await exited, 5);
    assert.ok((await answer) instanceof Error);
  });

  it("keeps its token and its ServiceAccount's out of log and record", async () => {
    await ask(good);
    await ask("{", `/validate?token=${token}`);
    assert.ok(!readFileSync(made.files.record, "utf8").includes(token));
  });
});

describe("gates: what a person meets", () => {
  it("names all that is missing with exit code 2, and repeats no value", () => {
    const run = (env: Record<string, string>) => spawnSync(process.execPath, ["services/gates/main.ts"], { cwd: root, env: { NODE_NO_WARNINGS: "1", ...env }, encoding: "utf8" });
    const empty = run({ ROLE: "security", PORT: "s3cret" });
    assert.equal(empty.status, 2);
    for (const name of ["ENVIRONMENT", "NAMESPACE", "TOKEN_FILE", "PROOF_KEY_FILE", "TRUST_FILE", "BUILDERS", "KUBERNETES_API", "PORT"]) assert.match(empty.stderr, new RegExp(`- ${name}: `));
    assert.doesNotMatch(empty.stderr, /s3cret| at .*\.ts/);
    assert.match(run({}).stderr, /ROLE: is missing or unknown: set it to compliance, performance, security, approval/);
  });

  it("is described: the page names every variable", () => {
    const page = readFileSync(join(root, "docs/gates.md"), "utf8");
    for (const name of configurationVariables) assert.ok(page.includes(`\`${name}\``), name);
  });
});
