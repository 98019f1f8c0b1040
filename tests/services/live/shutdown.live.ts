import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent } from "node:http";
import { createConnection } from "node:net";
import { ask, load, startProcess, type ServiceProcess } from "./process.ts";
import { useWorld } from "./world.ts";

describe("services: connections and shutdown", () => {
  const world = useWorld();
  let running: ServiceProcess[] = [];
  const agent = (): Agent => new Agent({ keepAlive: true, maxSockets: 1 });

  const start = async (change: Readonly<Record<string, string>> = {}, ready = true): Promise<ServiceProcess> => {
    const service = await startProcess(world().env(change), ready);
    running.push(service);
    return service;
  };

  afterEach(async () => {
    for (const { child, exited } of running) {
      child.kill("SIGKILL");
      await exited;
    }
    running = [];
  });

  it("drops readiness first, answers on, and hands over keep-alive clients without one failure", async () => {
    const old = await start({ DRAIN_DELAY_MS: "1500" });
    const clients = load(old.port, "/version", 8);
    await clients.more(200);
    old.child.kill("SIGTERM");
    await old.logged('"msg":"Draining"');
    // New connections are still served while the endpoint's removal spreads; they are told to go away afterwards.
    const late = await ask(old.port, "/version", agent());
    assert.deepEqual([late.status, late.close], [200, true]);
    const ready = await ask(old.port, "/ready", agent());
    assert.equal(ready.status, 503);
    assert.match(ready.body, /draining/);
    await clients.more(200);
    await clients.stop();
    assert.deepEqual(clients.failures, []);
    assert.ok(clients.answers.every((answer) => answer.status === 200));
    assert.ok(clients.answers.slice(-50).every((answer) => answer.close));
    assert.equal(await old.exited, 0);
  });

  it("lets a request in flight end, and then ends its kept-alive connection", async () => {
    const service = await start({ FAULTS_ENABLED: "true", FAULTS: '{"latencyMs":700}' });
    const slow = ask(service.port, "/version", agent());
    const idle = createConnection(service.port, "127.0.0.1");
    await once(idle, "connect");
    // An answered probe on another connection shows that the slow request, sent before, has been taken in.
    await ask(service.port, "/live", agent());
    service.child.kill("SIGTERM");
    const answer = await slow;
    assert.deepEqual([answer.status, answer.close], [200, true]);
    assert.equal(await service.exited, 0);
    if (!idle.closed) await once(idle, "close");
  });

  it("cuts what does not end within the bound, and says so by its exit code", async () => {
    const service = await start({ FAULTS_ENABLED: "true", FAULTS: '{"latencyMs":60000}', SHUTDOWN_TIMEOUT_MS: "300" });
    const slow = ask(service.port, "/version", agent()).then(() => "answered", () => "cut");
    await ask(service.port, "/live", agent());
    service.child.kill("SIGTERM");
    assert.equal(await service.exited, 5);
    assert.equal(await slow, "cut");
  });

  it("retires connections by age and by number of requests while it lives, without one failure", async () => {
    for (const [limit, value] of [
      ["CONNECTION_MAX_AGE_MS", "150"],
      ["CONNECTION_MAX_REQUESTS", "25"],
    ] as const) {
      const service = await start({ [limit]: value });
      const clients = load(service.port, "/version", 4);
      await clients.more(400);
      const closes = (): number => clients.answers.filter((answer) => answer.close).length;
      while (closes() < 8 && clients.failures.length === 0) await clients.more(50);
      await clients.stop();
      assert.deepEqual(clients.failures, []);
      if (limit === "CONNECTION_MAX_REQUESTS") {
        const perSocket = Map.groupBy(clients.answers, (answer) => answer.socket);
        assert.ok([...perSocket.values()].every((answers) => answers.length <= 25));
      }
    }
  });

  it("closes a connection that idles at its age, and told its client before; one that its client wants closed stays so", async () => {
    const service = await start({ CONNECTION_MAX_AGE_MS: "3000" });
    const idle = createConnection(service.port, "127.0.0.1");
    let said = "";
    idle.on("data", (chunk: Buffer) => (said += chunk.toString()));
    idle.write("GET /version HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(idle, "close");
    assert.match(said, /^connection: keep-alive\r\n(.+\r\n)*keep-alive: timeout=[12]\r\n/im);
    for (const request of ["GET /version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET /version HTTP/1.0\r\n\r\n"]) {
      const brief = createConnection(service.port, "127.0.0.1");
      let answer = "";
      brief.on("data", (chunk: Buffer) => (answer += chunk.toString()));
      brief.write(request);
      await once(brief, "close");
      assert.match(answer, /^connection: close\r\n/im);
    }
  });

  it("keeps a connection without end when no limit is set: the negative control", async () => {
    const service = await start({ CONNECTION_MAX_AGE_MS: "0", CONNECTION_MAX_REQUESTS: "0" });
    const clients = load(service.port, "/version", 2);
    await clients.more(1500);
    await clients.stop();
    assert.equal(new Set(clients.answers.map((answer) => answer.socket)).size, 2);
  });

  for (const how of ["command", "signal"] as const)
    it(`sheds all open connections on ${how} and keeps serving new ones`, async () => {
      const service = await start({ CONNECTION_MAX_AGE_MS: "0", CONNECTION_MAX_REQUESTS: "0" });
      const clients = load(service.port, "/version", 4);
      const idle = createConnection(service.port, "127.0.0.1");
      await once(idle, "connect");
      await clients.more(100);
      const before = new Set(clients.answers.map((answer) => answer.socket));
      assert.equal(before.size, 4);
      if (how === "signal") service.child.kill("SIGUSR2");
      else {
        const shed = await ask(service.adminPort, "/admin/connections/shed", agent(), { method: "POST", body: '{"graceMs":1000}' });
        assert.equal(shed.status, 200);
        assert.ok((JSON.parse(shed.body) as { shed: number }).shed >= 4);
      }
      await service.logged("Shedding the open connections");
      const told = (): number => clients.answers.filter((answer) => answer.close).length;
      while (told() < 4 && clients.failures.length === 0) await clients.more(10);
      const from = clients.answers.length;
      await clients.more(400);
      await clients.stop();
      assert.deepEqual(clients.failures, []);
      const after = new Set(clients.answers.slice(from).map((answer) => answer.socket));
      assert.ok([...after].every((socket) => !before.has(socket)), "no connection from before is left");
      assert.equal(after.size, 4, "the new connections stay");
      // The connection that never asked for anything is closed too.
      if (!idle.closed) await once(idle.resume(), "close");
      assert.equal(service.child.exitCode, null);
    });

  it("ends at once when asked twice", async () => {
    const service = await start({ DRAIN_DELAY_MS: "20000" });
    service.child.kill("SIGTERM");
    await service.logged('"msg":"Draining"');
    service.child.kill("SIGTERM");
    assert.equal(await service.exited, 5);
  });

  it("can be stopped while it still waits for its database", async () => {
    const service = await start({ DATABASE_URL: "postgresql://audit:pg-secret-word@127.0.0.1:1/none" }, false);
    await service.logged("cannot be reached yet");
    assert.equal((await ask(service.port, "/ready", agent())).status, 503);
    assert.equal((await ask(service.port, "/live", agent())).status, 200);
    assert.equal((await ask(service.port, "/v1/chain/head", agent())).status, 503);
    service.child.kill("SIGTERM");
    assert.equal(await service.exited, 0);
    assert.doesNotMatch(service.output(), /pg-secret-word|redis-secret-word/);
  });

  it("says by its exit code what kept it from starting", async () => {
    const first = await start();
    const taken = await startProcess(world().env({ PORT: String(first.port) })).then(() => "started", (error: unknown) => String(error));
    assert.match(taken, /EADDRINUSE/);
    assert.match(taken, /"code":4/);
  });
});
