import { Agent, request } from "node:http";
import { createServer } from "node:net";
import { setTimeout as rhythm } from "node:timers/promises";
import type { Node } from "../../cluster/node.ts";
import { probeImage } from "./world.ts";

export const namespace = "staging";
export const app = "web";
export const hostname = "web.example.com";

const metadata = (name: string) => ({ namespace, name, labels: { app } });

/** A Gateway of the class that Traefik serves, with the stacks' default port. */
export const gateway = {
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "Gateway",
  metadata: metadata("entrance"),
  spec: { gatewayClassName: "traefik", listeners: [{ name: "http", protocol: "HTTP", port: 80, hostname, allowedRoutes: { namespaces: { from: "Same" } } }] },
};

/** The target: no `replicas`, as the canary component has it; Flagger scales it. */
export function deployment(version: string, status: number): object {
  const labels = { app, "app.kubernetes.io/name": app };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: metadata(app),
    spec: {
      selector: { matchLabels: { app } },
      template: {
        metadata: { labels, annotations: { "prometheus.io/scrape": "true", "prometheus.io/port": "8080", "prometheus.io/path": "/metrics" } },
        spec: {
          terminationGracePeriodSeconds: 15,
          automountServiceAccountToken: false,
          containers: [
            {
              name: app,
              image: probeImage,
              imagePullPolicy: "Never",
              args: ["web", "8080", version, String(status)],
              ports: [{ name: "http", containerPort: 8080 }],
              resources: { requests: { cpu: "10m", memory: "16Mi" } },
              readinessProbe: { httpGet: { path: "/ready", port: "http" }, periodSeconds: 1 },
              lifecycle: { preStop: { sleep: { seconds: 5 } } },
            },
          ],
        },
      },
    },
  };
}

const pods = 'namespace="{{ namespace }}",pod=~"{{ target }}-[0-9a-zA-Z]+(-[0-9a-zA-Z]+)"';

/** The share of good answers, asked of Prometheus as the canary component asks. */
export const metricTemplate = {
  apiVersion: "flagger.app/v1beta1",
  kind: "MetricTemplate",
  metadata: metadata("success"),
  spec: {
    provider: { type: "prometheus", address: "http://prometheus.monitoring:9090" },
    query: `100 * (sum(rate(http_requests_total{${pods},status!~"5.*"}[{{ interval }}])) or vector(0)) / sum(rate(http_requests_total{${pods}}[{{ interval }}]))`,
  },
};

/** One step to half of the traffic; taken back at the second failed check. */
export const canary = {
  apiVersion: "flagger.app/v1beta1",
  kind: "Canary",
  metadata: metadata(app),
  spec: {
    provider: "gatewayapi:v1",
    targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: app },
    progressDeadlineSeconds: 120,
    revertOnDeletion: true,
    service: { name: app, port: 80, portName: "http", targetPort: "http", hosts: [hostname], gatewayRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: "entrance", namespace }] },
    analysis: {
      interval: "10s",
      threshold: 2,
      maxWeight: 50,
      stepWeight: 50,
      metrics: [{ name: "success", templateRef: { name: "success" }, thresholdRange: { min: 99 }, interval: "20s" }],
    },
  },
};

/** What clients got: how often each version answered, and every answer that was not 200. */
export interface Traffic {
  versions: Map<string, number>;
  bad: string[];
  stop: () => Promise<void>;
}

/** Sends requests to the Gateway, one after another on a new connection each, until it is stopped. */
export function traffic(port: number): Traffic {
  const said: Traffic = { versions: new Map(), bad: [], stop: async () => await Promise.resolve() };
  let going = true;
  const run = async (): Promise<void> => {
    while (going) {
      const answer = await ask(port).catch((error: unknown) => ({ status: 0, text: String(error) }));
      if (answer.status === 200) said.versions.set(answer.text, (said.versions.get(answer.text) ?? 0) + 1);
      else said.bad.push(`${answer.status} ${answer.text}`);
      await rhythm(20); // a client's pause, to leave processor time to the cluster
    }
  };
  const running = Promise.all([run(), run()]);
  said.stop = async () => {
    going = false;
    await running;
  };
  return said;
}

/** One request to the Gateway's host name, on a new connection. */
export async function ask(port: number): Promise<{ status: number; text: string }> {
  return await new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, headers: { host: hostname }, agent: new Agent({ keepAlive: false }), timeout: 30_000 }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text: text.trim() }));
      response.on("error", reject);
    });
    asked.on("timeout", () => asked.destroy(new Error("no answer within 30 s")));
    asked.on("error", reject);
    asked.end();
  });
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (typeof address === "object" && address !== null ? resolve(address.port) : reject(new Error("no port"))));
    });
  });
}

/** Asks Prometheus through the API server, as a person outside the cluster would. */
export async function prometheus(node: Node, path: string): Promise<unknown> {
  const { data } = JSON.parse(await node.kubectl(["get", "--raw", `/api/v1/namespaces/monitoring/services/prometheus:9090/proxy/api/v1/${path}`])) as { data: unknown };
  return data;
}
