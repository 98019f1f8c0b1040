import assert from "node:assert/strict";
import { Discovery } from "../../../engine/kubernetes/discovery.ts";
import { showHealth } from "../../../engine/kubernetes/health.ts";
import { FakeApiServer } from "./fakeApiServer.ts";

const live = "http://shop-service.local.svc.cluster.local:80";
const livePath = "/api/v1/namespaces/local/services/shop-service:80/proxy/health";

describe("services that answer for themselves at the end of an update", () => {
  let server: FakeApiServer;
  let stop: AbortController;
  beforeEach(async () => {
    server = new FakeApiServer();
    stop = new AbortController();
    await server.start();
  });
  afterEach(() => server.stop());

  /** What is written, each meaning in brackets behind its name. */
  async function shown(outputs: Record<string, unknown>, limitMs?: number): Promise<string> {
    let written = "";
    const client = server.client();
    const terminal = { write: (text: string) => void (written += text) } as never;
    await showHealth({ client, discovery: new Discovery(client), uid: "" }, outputs as never, { terminal, style: (meaning, text) => `${meaning}(${text})`, interrupts: { signal: stop.signal } as never }, limitMs);
    return written;
  }

  it("are asked by the outputs that name them, and by no other", async () => {
    server.intercept = ({ path }) => ({ status: 200, body: { status: "healthy", path } });
    const text = await shown({ live, elsewhere: "https://example.org/shop", idleSlot: "green", slots: { blue: live } });
    assert.equal(text, `strong(live) ${live}/health: good(200 {"status":"healthy","path":"${livePath}"})\n`);
    assert.deepEqual(server.paths("GET"), [livePath]);
  });

  it("say what is wrong with them, asked once", async () => {
    server.intercept = () => ({ status: 503, body: { failed_checks: ["redis"] } });
    assert.match(await shown({ live }), /bad\(503 \{"failed_checks":\["redis"\]\}\)/);
    assert.equal(server.asked.length, 1);
  });

  it("are nobody while a slot is empty: said without alarm, and not waited for", async () => {
    server.intercept = () => ({ status: 503, body: { kind: "Status", reason: "ServiceUnavailable", message: 'no endpoints available for service "shop-service"' } });
    assert.match(await shown({ live }), /faint\(no pod is there to ask\)/);
    assert.equal(server.asked.length, 1);
  });

  it("are passed over when they have no such path", async () => {
    server.intercept = () => ({ status: 404, body: {} });
    assert.equal(await shown({ live }), "");
  });

  it("that hang are waited for no longer than the limit, and the next is asked", async () => {
    server.intercept = ({ path }) => (path === livePath ? "hang" : { status: 200, body: {} });
    const text = await shown({ live, preview: live.replace("service", "preview") }, 50);
    assert.match(text, /strong\(live\) .*bad\(.*gave no answer within 0\.05 s/);
    assert.match(text, /strong\(preview\) .*good\(200/);
  });

  it("are not waited for when the update is interrupted", async () => {
    server.intercept = () => {
      stop.abort(new Error("interrupted"));
      return "hang";
    };
    await assert.rejects(shown({ live }), /interrupted/);
  });
});
