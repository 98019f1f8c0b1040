import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type RequestListener, createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { verificationScript } from "../../components/verificationScript.ts";

interface Verdict {
  code: number;
  said: string;
  requests: number;
}

/** Runs the script as the Job does, against a server of ours. */
async function verify(
  answer: (path: string, request: number) => { status?: number; body?: unknown } | undefined,
  env: Record<string, string> = {},
): Promise<Verdict> {
  let requests = 0;
  const listener: RequestListener = (request, response) => {
    const given = answer(request.url ?? "", ++requests);
    if (given !== undefined) response.writeHead(given.status ?? 200).end(JSON.stringify(given.body ?? {}));
  };
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const child = spawn(process.execPath, ["-e", verificationScript], {
    env: { TARGET: `http://127.0.0.1:${port}`, EXPECTED_SLOT: "green", EXPECTED_DIGEST: "sha256:new", CHECKS: "3", TIMEOUT_SECONDS: "30", ...env },
  });
  const [said, failure, ended] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close") as Promise<[number]>]);
  server.closeAllConnections();
  server.close();
  return { code: ended[0], said: said + failure, requests };
}

const version = { slot: "green", digest: "sha256:new" };
const well = (path: string) => ({ body: path === "/version" ? version : {} });

describe("The verification Job", () => {
  it("passes a slot that is healthy, ready, and what was asked for, as often as asked", async () => {
    const { code, said, requests } = await verify(well);
    assert.match(said, /^verified: 3 of 3 checks passed at http:/);
    assert.deepEqual([code, requests], [0, 9]);
  });

  it("passes any digest where the image has none", async () => {
    assert.equal((await verify((path) => ({ body: path === "/version" ? { slot: "green", digest: "" } : {} }), { EXPECTED_DIGEST: "" })).code, 0);
  });

  it("bears a pod of the version before that still ends, and then counts from the beginning", async () => {
    const old = { ...version, digest: "sha256:old" };
    const { code, requests } = await verify((path, request) => (request === 6 ? { body: old } : well(path)));
    assert.deepEqual([code, requests], [0, 15]);
  });

  const failures: [title: string, answer: Parameters<typeof verify>[0], said: RegExp, env?: Record<string, string>][] = [
    [
      "another slot",
      (path) => ({ body: path === "/version" ? { ...version, slot: "blue" } : {} }),
      /^not verified: \/version says slot blue, expected green \(after 0 of 3 checks\)/,
      { TIMEOUT_SECONDS: "3" },
    ],
    [
      "another image that stays",
      (path) => ({ body: path === "/version" ? { ...version, digest: "sha256:old" } : {} }),
      /^not verified: \/version says digest sha256:old, expected sha256:new/,
      { TIMEOUT_SECONDS: "3" },
    ],
    [
      "a slot that is never healthy",
      (path) => (path === "/health" ? { status: 503, body: { failed_checks: ["database"] } } : well(path)),
      /\/health answered 503: \{"failed_checks":\["database"\]\}/,
      { TIMEOUT_SECONDS: "1" },
    ],
    [
      "a slot that fails once after it has passed",
      (path, request) => (request === 5 ? { status: 500 } : well(path)),
      /\/ready answered 500.*\(after 1 of 3 checks\)/,
    ],
    ["an answer that is no JSON", (path) => (path === "/version" ? { body: undefined, status: 204 } : {}), /\/version answered 204/, { TIMEOUT_SECONDS: "1" }],
  ];
  for (const [title, answer, said, env] of failures) {
    it(`fails ${title}`, async () => {
      const verdict = await verify(answer, env);
      assert.equal(verdict.code, 1);
      assert.match(verdict.said, said);
    });
  }

  it("waits for a slot that is not reachable yet, but not for ever", async () => {
    const late = await verify((path, request) => (request <= 2 ? { status: 503 } : well(path)));
    assert.equal(late.code, 0);
    const nobody = await verify(well, { TARGET: "http://127.0.0.1:1", TIMEOUT_SECONDS: "1" });
    assert.equal(nobody.code, 1);
    assert.match(nobody.said, /ECONNREFUSED/);
  });

  it("does not wait for the kernel to repeat what was lost on the way to a new Service", async () => {
    // Whoever never takes connections has room for two; what others send is lost.
    const deaf = spawn(process.execPath, ["-e", 'const server = require("node:net").createServer().listen(0, "127.0.0.1", 1, () => { require("node:fs").writeSync(1, server.address().port + "\\n"); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); })']);
    const port = Number(await new Promise((resolve) => deaf.stdout.once("data", resolve)));
    const filling = Array.from({ length: 4 }, () => connect(port, "127.0.0.1").on("error", () => undefined));
    try {
      await Promise.all(filling.slice(0, 2).map((socket) => once(socket, "connect")));
      const { code, said } = await verify(well, { TARGET: `http://127.0.0.1:${port}`, TIMEOUT_SECONDS: "2" });
      assert.equal(code, 1);
      assert.match(said, /^not verified: not done after 2 s, 0 of 3 checks passed: no connection within \d+ ms/);
    } finally {
      deaf.kill("SIGKILL");
      for (const socket of filling) socket.destroy();
    }
  });
});
