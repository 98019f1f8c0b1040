/** A gate as its image runs it, and a stand-in for the API server that answers at once: what is measured is the gate. */
import { spawn, type ChildProcess } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { attestEvidence } from "../attestation/attest.ts";
import { documentNames, evidenceName } from "../attestation/documents.ts";
import { withTrusted } from "../attestation/trust-file.ts";
import { mustRun } from "../cluster/run.ts";
import { goodBundle } from "./gatedEvidence.ts";

const digest = `sha256:${"d".repeat(64)}`;

/** A running gate, role compliance, which judges namespace shop. */
export interface GatesScene {
  /** Where a question is posted, token included. */
  readonly question: URL;
  /** How many requests the stand-in has answered. */
  readonly reads: () => number;
  readonly stop: () => Promise<void>;
}

export async function startGatesScene(): Promise<GatesScene> {
  const folder = mkdtempSync(join(tmpdir(), "bench-gates-"));
  const put = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const trust = withTrusted(undefined, { owner: "ci-1", publicKey: publicKey.export({ type: "spki", format: "pem" }).toString(), purposes: ["evidence"] });
  const signed = JSON.stringify(attestEvidence([{ digest }], goodBundle("production", {}), [privateKey]));
  const stub = await standIn({
    "/apis/flagger.app/v1beta1/namespaces/shop/canaries/app": { spec: { targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "app" } } },
    "/apis/apps/v1/namespaces/shop/deployments/app": { spec: { template: { metadata: { labels: { app: "app" } }, spec: { containers: [{ name: "app", image: `registry.example.org/app@${digest}` }] } } } },
    [`/api/v1/namespaces/shop/configmaps/${evidenceName(digest)}`]: { data: { [documentNames.evidence]: signed } },
  });
  await mustRun(process.execPath, [join(import.meta.dirname, "../services/build.mjs"), folder, "gates"]);
  const token = "t".repeat(64);
  const env = {
    ROLE: "compliance",
    ENVIRONMENT: "production",
    NAMESPACE: "shop",
    HOST: "127.0.0.1",
    PORT: "0",
    TOKEN_FILE: put("token", token),
    PROOF_KEY_FILE: put("proof", "p".repeat(64)),
    TRUST_FILE: put("trust.json", trust),
    KUBERNETES_API: stub.address,
    KUBERNETES_TOKEN_FILE: put("account", "service-account"),
    DRAIN_DELAY_MS: "0",
  };
  const gate = spawn(process.execPath, [join(folder, "gates.mjs")], { env, stdio: ["ignore", "pipe", "inherit"] });
  const port = await listening(gate);
  return {
    question: new URL(`http://127.0.0.1:${port}/validate?token=${token}`),
    reads: stub.reads,
    stop: async () => {
      const ended = new Promise((resolve) => gate.once("exit", resolve));
      gate.kill("SIGTERM");
      await ended;
      await stub.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

/** The port that the gate says it listens on; its log, which is its record, is read to the end. */
async function listening(gate: ChildProcess): Promise<number> {
  if (gate.stdout === null) throw new Error("no output");
  const lines = createInterface(gate.stdout);
  return await new Promise((resolve, reject) => {
    lines.on("line", (line) => {
      if (!line.includes('"Listening"')) return;
      resolve((JSON.parse(line) as { port: number }).port);
    });
    lines.once("close", () => reject(new Error("the gate ended before it listened")));
  });
}

async function standIn(answers: Readonly<Record<string, object>>): Promise<{ address: string; reads: () => number; stop: () => Promise<void> }> {
  const texts = new Map(Object.entries(answers).map(([path, body]) => [path, JSON.stringify(body)]));
  let reads = 0;
  const server: Server = createServer((request, response) => {
    reads += 1;
    const text = texts.get(request.url ?? "");
    response.writeHead(text === undefined ? 404 : 200, { "Content-Type": "application/json" }).end(text ?? "{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    reads: () => reads,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
