import assert from "node:assert/strict";
import { awaitGone, awaitReady, type AwaitOptions } from "../../../engine/kubernetes/awaiting.ts";
import { conditionFor } from "../../../engine/kubernetes/conditions.ts";
import type { KubernetesObject } from "../../../engine/kubernetes/objects.ts";
import { FakeApiServer } from "./fakeApiServer.ts";

const PATH = "/apis/apps/v1/namespaces/x/deployments/d";
const AN_HOUR = 3_600_000;

describe("waiting for an object", () => {
  let server: FakeApiServer;
  let said: string[];
  let object: KubernetesObject;
  beforeEach(async () => {
    server = new FakeApiServer();
    await server.start();
    said = [];
    object = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "d", namespace: "x", uid: "u", generation: 1 }, spec: { replicas: 1 } };
    server.objects.set(PATH, object);
  });
  afterEach(() => server.stop());

  const options = (more: Partial<AwaitOptions> = {}): AwaitOptions => {
    const condition = conditionFor(object);
    assert.ok(condition);
    const { signal } = new AbortController();
    return { client: server.client(), path: PATH, object, condition, update: false, timeoutSeconds: 600, signal, report: (message) => void said.push(message), ...more };
  };
  const ready = () => (object["status"] = { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1 });
  /** Tells the watchers, as soon as there is one. */
  const touch = async () => {
    while (server.touch(PATH) === 0) await new Promise((done) => setImmediate(done));
  };

  it("looks again when a watch tells of a change, not before", async () => {
    const waiting = awaitReady(options({ pauseMs: AN_HOUR }));
    ready();
    await touch();
    assert.deepEqual((await waiting).problems, []);
    assert.deepEqual(said, ["its controller has not seen the change yet"]);
  });

  it("begins its watch where the object was known, so that nothing is missed between", async () => {
    object.metadata["resourceVersion"] = "41";
    const waiting = awaitReady(options({ pauseMs: AN_HOUR }));
    await touch();
    const [watch] = server.asked.filter(({ query }) => query["watch"] === "true");
    assert.deepEqual(watch?.query, { fieldSelector: "metadata.name=d", resourceVersion: "41", watch: "true" });
    ready();
    await touch();
    await waiting;
  });

  it("looks by itself where watching is refused", async () => {
    server.intercept = ({ query }) => (query["watch"] === "true" ? { status: 403, body: { message: "no" } } : undefined);
    server.control = (_, reads) => {
      if (reads > 2) ready();
    };
    assert.deepEqual((await awaitReady(options({ pauseMs: 1 }))).problems, []);
  });

  it("bears an API server that is away for longer than its client tries", async () => {
    let left = 7;
    server.intercept = ({ path, query }) => (path === PATH && query["watch"] === undefined && left-- > 0 ? (left % 2 === 0 ? "cut" : { status: 503, body: { message: "starting" } }) : undefined);
    ready();
    object.metadata["generation"] = 2;
    server.control = () => (object.metadata["generation"] = 1);
    assert.deepEqual((await awaitReady(options({ pauseMs: 1 }))).problems, []);
    assert.ok(said.some((line) => /waiting for the API server: .*(503|broke)/.test(line)), said.join("\n"));
  });

  it("does not bear a refusal", async () => {
    server.intercept = ({ path, query }) => (path === PATH && query["watch"] === undefined ? { status: 403, body: { message: "not yours" } } : undefined);
    await assert.rejects(awaitReady(options({ pauseMs: 1 })), /not yours/);
  });

  it("sees by a watch that an object is gone", async () => {
    const waiting = awaitGone({ ...options({ pauseMs: AN_HOUR }), uid: "u" });
    while (said.length === 0) await new Promise((done) => setImmediate(done));
    server.objects.delete(PATH);
    await touch();
    await waiting;
    assert.deepEqual(said, ["is being deleted"]);
  });
});
