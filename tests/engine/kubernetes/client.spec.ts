import assert from "node:assert/strict";
import { ApiError } from "../../../engine/kubernetes/client.ts";
import { FakeApiServer } from "./fakeApiServer.ts";

const { signal } = new AbortController();
const PATH = "/api/v1/namespaces/kube-system";

describe("requests to an API server", () => {
  let server: FakeApiServer;
  beforeEach(async () => {
    server = new FakeApiServer();
    await server.start();
  });
  afterEach(() => server.stop());

  it("repeats a read that the server fails on, and gives up after a bounded number of attempts", async () => {
    server.intercept = () => ({ status: 500, body: { message: "etcd is away" } });
    await assert.rejects(server.client().request("GET", PATH, { signal }), /failed with status 500 on GET .*kube-system \(3 attempts\): etcd is away/);
    assert.equal(server.asked.length, 3);
  });

  it("goes on when the server recovers", async () => {
    server.intercept = () => (server.asked.length < 3 ? { status: 503, body: {} } : undefined);
    assert.equal((await server.client().request("GET", PATH, { signal }))["kind"], "Namespace");
  });

  it("never repeats a change that the server may have carried out", async () => {
    server.intercept = ({ method }) => (method === "POST" ? { status: 500, body: { message: "boom" } } : undefined);
    await assert.rejects(server.client().request("POST", "/api/v1/namespaces", { body: {}, signal }), /failed with status 500/);
    assert.equal(server.asked.length, 1);
    server.intercept = () => "cut";
    await assert.rejects(server.client().request("POST", "/api/v1/namespaces", { body: {}, signal }), /broke during POST/);
    assert.equal(server.asked.length, 2);
  });

  it("says that a server which accepts and does not answer hangs", async () => {
    server.intercept = () => "hang";
    await assert.rejects(server.client({ requestMs: 50 }).request("GET", PATH, { signal }), /gave no answer within 0\.05 s/);
    assert.equal(server.asked.length, 1);
  });

  it("says that nothing listens", async () => {
    const client = server.client();
    await server.stop();
    await assert.rejects(client.request("GET", PATH, { signal }), /cannot be reached: nothing listens there \(3 attempts\)/);
    await server.start();
  });

  it("names expired credentials", async () => {
    server.intercept = () => ({ status: 401, body: { message: "Unauthorized" } });
    await assert.rejects(server.client().request("GET", PATH, { signal }), /does not know who we are/);
  });

  it("passes refusals on with their reason", async () => {
    await assert.rejects(server.client().request("GET", "/api/v1/namespaces/none", { signal }), (error) => error instanceof ApiError && error.status === 404 && error.reason === "NotFound");
  });
});
