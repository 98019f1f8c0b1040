import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as rest } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Context } from "mocha";
import { goImage } from "../../cluster/images/catalog.ts";
import { loadImage } from "../../cluster/images/load.ts";
import type { Node, NodeWishes } from "../../cluster/node.ts";
import { run, type RunResult } from "../../cluster/run.ts";
import { applyText, up } from "../../cluster/up.ts";

/** The clusters that the tests make and remove. */
export const testCluster = "test";
export const controlCluster = "test-control";

/** Every cluster that the tests start: a port for each, as two that start at once would both find the same one free. */
const ports = new Map([testCluster, controlCluster, "test-life", "test-beside", "test-canary", "test-release-canary", "test-faults", "test-gates", "test-switch", "test-release", "test-scan", "test-planes"].map((name, index) => [name, 17_100 + index]));

/** The port of a test cluster's API server. */
export function portOf(name: string): number {
  const port = ports.get(name);
  if (port === undefined) throw new Error(`cluster ${name} has no port among the tests'`);
  return port;
}

/** Starts a cluster; fails with what `up` would fail with. */
export async function start(name: string, wishes: NodeWishes = {}): Promise<Node> {
  return await up(name, { port: portOf(name), ...wishes }, () => undefined);
}

export const probeImage = "localhost/rlhf-audit-trail/probe:1";

/** Builds the test pods' program and gives it to the node. */
export async function loadProbe(node: Node): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "rlhf-probe-"));
  try {
    const program = join(folder, "probe");
    const source = fileURLToPath(new URL("probe", import.meta.url));
    const built = await run("go", ["build", "-trimpath", "-ldflags", "-s -w", "-o", program, "."], { cwd: source, env: { CGO_ENABLED: "0" } });
    if (built.code !== 0) throw new Error(built.stderr);
    await loadImage(node, goImage(new Map([["probe", program]]), "probe"), [probeImage]);
  } finally {
    await rm(folder, { recursive: true });
  }
}

interface PodWish {
  namespace: string;
  name: string;
  labels?: Record<string, string>;
  command: readonly string[];
  restart?: "Always" | "Never";
}

/** A pod of the probe; ports 8080 (named "web") to 8083 and UDP 9053 when it serves. */
export function pod({ namespace, name, labels = {}, command, restart = "Always" }: PodWish): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace, name, labels },
    spec: {
      restartPolicy: restart,
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: "probe",
          image: probeImage,
          imagePullPolicy: "Never",
          args: command,
          ...(command[0] === "serve" ? { ports: [{ name: "web", containerPort: 8080 }], readinessProbe: { tcpSocket: { port: "web" }, periodSeconds: 1 } } : {}),
        },
      ],
    },
  };
}

export async function apply(node: Node, ...objects: object[]): Promise<void> {
  await applyText(node, JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));
}

/** Runs kubectl and hands back whatever it said. */
export async function kubectl(node: Node, ...args: string[]): Promise<RunResult> {
  return await run(node.path("bin/tools/kubectl"), ["--kubeconfig", node.kubeconfig, ...args]);
}

/** Calls until it yields something; the bound is for a machine that is far slower than this one. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>, limit = 120_000): Promise<T> {
  const deadline = Date.now() + limit;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`not within ${limit / 1000} s: ${what}`);
    await rest(200); // most questions start a program, and what is waited for needs the processor, too
  }
}

/**
 * A `beforeEach` for tests that begin with what the one before has left: after a failed one the rest would wait for what can't come. Not
 * mocha's `bail`, which beside other files ends these, too.
 */
export function allBeforePassed(this: Context): void {
  const failed = this.currentTest?.parent?.tests.find(({ state }) => state === "failed");
  assert.equal(failed?.title, undefined, "rests on a test that has failed");
}
