/** A stand-in for the gates on a local cluster, told by the rehearsal what to answer: it shows what a release makes of answers that no gate of ours gives. */
import type { Node } from "../cluster/node.ts";
import { applyText } from "../cluster/up.ts";

/** The gates that Flagger asks. */
export const roles = ["compliance", "security", "performance", "approval"] as const;
export type Role = (typeof roles)[number];

/** What a gate may do. gone: it refuses connections, as a gate does whose pods are away. */
export type Manner = "yes" | "no" | "hangs" | "error" | "gone";

/** What each gate that does not say yes does. */
export type Manners = Readonly<Partial<Record<Role, Manner>>>;

const pod = "stand-in";
/** One port each, so that one of them can be gone. */
const portOf = (role: Role): number => 9_001 + roles.indexOf(role);

/** Reads its manners anew for each question, and each half second for who is gone. */
const program = `
const { readFileSync, writeFileSync } = require("node:fs");
const http = require("node:http");
const file = "/tmp/manners";
writeFileSync(file, "{}");
const manners = () => JSON.parse(readFileSync(file, "utf8"));
const answers = { yes: [200, "Passed"], no: [403, "No: the stand-in was told to refuse"], error: [500, "the stand-in was told to fail"] };
for (const [role, port] of Object.entries(JSON.parse(process.argv[1]))) {
  const server = http.createServer((request, response) => {
    request.resume();
    const manner = request.url.startsWith("/event") ? "yes" : manners()[role] ?? "yes";
    const [status, text] = answers[manner] ?? [];
    if (status !== undefined) response.writeHead(status, { Connection: "close" }).end(text);
  });
  server.listen(port);
  setInterval(() => {
    const gone = manners()[role] === "gone";
    if (gone === server.listening) gone ? (server.close(), server.closeAllConnections()) : server.listen(port);
  }, 500);
}
`.trim();

/** Puts it where Flagger looks for the gates, and waits for it. `image`: one with Node.js in it. */
export async function standIn(node: Node, namespace: string, image: string): Promise<void> {
  const labels = { app: pod, "app.kubernetes.io/component": "gate" };
  const services = roles.map((role) => ({ apiVersion: "v1", kind: "Service", metadata: { name: `${role}-service`, namespace }, spec: { selector: labels, ports: [{ port: 80, targetPort: portOf(role) }] } }));
  const stand = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: pod, namespace, labels },
    spec: {
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      containers: [{ name: pod, image, imagePullPolicy: "Never", command: ["/usr/bin/node", "--eval", program, JSON.stringify(Object.fromEntries(roles.map((role) => [role, portOf(role)])))] }],
    },
  };
  // Flagger's own policy lets it reach gates at their port alone; the stand-in has one for each.
  const way = {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: "to-the-stand-in", namespace: "flagger-system" },
    spec: { podSelector: {}, policyTypes: ["Egress"], egress: [{ to: [{ namespaceSelector: {}, podSelector: { matchLabels: labels } }], ports: roles.map((role) => ({ protocol: "TCP", port: portOf(role) })) }] },
  };
  await applyText(node, JSON.stringify({ apiVersion: "v1", kind: "List", items: [{ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } }, ...services, stand, way] }));
  await node.kubectl(["wait", "--for=condition=Ready", `pod/${pod}`, `--namespace=${namespace}`, "--timeout=180s"]);
}

/** Tells it what to do from now on. */
export async function behave(node: Node, namespace: string, manners: Manners): Promise<void> {
  // A gate that is gone, or there again, is so before this returns.
  const script = 'require("node:fs").writeFileSync("/tmp/manners", process.argv[1]); setTimeout(() => undefined, 1000)';
  await node.kubectl(["exec", pod, `--namespace=${namespace}`, "--", "/usr/bin/node", "--eval", script, JSON.stringify(manners)]);
}

/** What stands where a gate should: a web server like any, which answers 200 to whatever it is asked; one that is broken; one that never answers. */
const strangers = { garbage: "response.end('<html>It works!</html>')", broken: "response.writeHead(500).end()", silent: "request.resume()" } as const;
/** An app of that name, in a pod of its own. */
export type Stranger = keyof typeof strangers;

/** Puts them where the gates are. `image`: one with Node.js in it. */
export async function putStrangers(node: Node, namespace: string, image: string, apps: readonly Stranger[]): Promise<void> {
  const pods = apps.map((app) => {
    const labels = { app, "app.kubernetes.io/part-of": "rlhf-audit-trail", "app.kubernetes.io/component": "gate" };
    const answering = `require('node:http').createServer((request, response) => { ${strangers[app]} }).listen(8080)`;
    const container = { name: app, image, command: ["/usr/bin/node", "--eval", answering], ports: [{ name: "http", containerPort: 8080 }], readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 } };
    return { apiVersion: "v1", kind: "Pod", metadata: { name: app, namespace, labels }, spec: { terminationGracePeriodSeconds: 0, automountServiceAccountToken: false, containers: [container] } };
  });
  await applyText(node, JSON.stringify({ apiVersion: "v1", kind: "List", items: pods }));
  await node.kubectl(["wait", "--for=condition=Ready", ...apps.map((app) => `pod/${app}`), `--namespace=${namespace}`, "--timeout=180s"]);
}

/** Turns a gate's Service to the pods of an app, of which there may be none, and waits until its endpoints are these. */
export async function leadGate(node: Node, namespace: string, role: Role, app: string): Promise<void> {
  await node.kubectl(["patch", "service", `${role}-service`, `--namespace=${namespace}`, "--type=merge", `--patch=${JSON.stringify({ spec: { selector: { app } } })}`]);
  const addresses = async (...args: string[]): Promise<string> => (await node.kubectl(["get", ...args, `--namespace=${namespace}`])).split(/\s+/).filter((word) => word !== "").sort().join(" ");
  const pods = await addresses("pods", `--selector=app=${app}`, "--output=jsonpath={.items[*].status.podIP}");
  while ((await addresses("endpointslices", `--selector=kubernetes.io/service-name=${role}-service`, "--output=jsonpath={.items[*].endpoints[*].addresses[0]}")) !== pods);
}
