/** One connection that is tried. */
export interface Check {
  from: "client" | "other" | "guest" | "stranger" | "server";
  to: string;
  network?: "tcp" | "udp";
  expect: "open" | "closed";
}

/** Policies, and what must be open and closed under them. Addresses: `server` and the others stand for pods. */
export interface Case {
  name: string;
  policies: readonly { namespace: string; name: string; spec: object }[];
  checks: readonly Check[];
}

const open = (from: Check["from"], to: string, network: "tcp" | "udp" = "tcp"): Check => ({ from, to, network, expect: "open" });
const closed = (from: Check["from"], to: string, network: "tcp" | "udp" = "tcp"): Check => ({ from, to, network, expect: "closed" });

const server = { matchLabels: { app: "server" } };
const client = { matchLabels: { app: "client" } };
const teamB = { matchLabels: { team: "b" } };

const ingress = (rules: readonly object[], name = "ingress") => ({ namespace: "np-a", name, spec: { podSelector: server, policyTypes: ["Ingress"], ingress: rules } });
const egress = (rules: readonly object[]) => ({ namespace: "np-a", name: "egress", spec: { podSelector: client, policyTypes: ["Egress"], egress: rules } });
const tcp = (port: number | string, endPort?: number) => ({ protocol: "TCP", port, ...(endPort === undefined ? {} : { endPort }) });

/** client and other are in np-a with server; guest (app=client) and stranger are in np-b. */
export const cases: readonly Case[] = [
  {
    name: "without policies everything is open",
    policies: [],
    checks: [open("client", "server:8080"), open("guest", "server:8080"), open("client", "server:9053", "udp"), open("client", "dns:53", "udp"), open("client", "service:80"), open("client", "api:443")],
  },
  {
    name: "an ingress policy without rules closes the pod to pods, not its own way out",
    policies: [ingress([])],
    checks: [closed("client", "server:8080"), closed("guest", "server:8080"), closed("client", "server:9053", "udp"), closed("client", "service:80"), open("server", "guest:8080"), open("server", "server:8080"), open("client", "other:8080")],
  },
  { name: "podSelector means the policy's own namespace", policies: [ingress([{ from: [{ podSelector: client }] }])], checks: [open("client", "server:8080"), open("client", "service:80"), closed("other", "server:8080"), closed("guest", "server:8080")] },
  { name: "namespaceSelector means all pods there", policies: [ingress([{ from: [{ namespaceSelector: teamB }] }])], checks: [open("guest", "server:8080"), open("stranger", "server:8080"), closed("client", "server:8080")] },
  { name: "both selectors in one peer must both hold", policies: [ingress([{ from: [{ namespaceSelector: teamB, podSelector: client }] }])], checks: [open("guest", "server:8080"), closed("stranger", "server:8080"), closed("client", "server:8080")] },
  { name: "two peers are two permissions", policies: [ingress([{ from: [{ namespaceSelector: teamB }, { podSelector: client }] }])], checks: [open("stranger", "server:8080"), open("client", "server:8080"), closed("other", "server:8080")] },
  { name: "ipBlock with except", policies: [ingress([{ from: [{ ipBlock: { cidr: "10.244.0.0/24", except: ["client/32"] } }] }])], checks: [closed("client", "server:8080"), open("other", "server:8080"), open("guest", "server:8080")] },
  { name: "a port number", policies: [ingress([{ ports: [tcp(8081)] }])], checks: [open("guest", "server:8081"), closed("guest", "server:8080"), closed("guest", "server:9053", "udp")] },
  { name: "a named port", policies: [ingress([{ ports: [tcp("web")] }])], checks: [open("guest", "server:8080"), open("guest", "service:80"), closed("guest", "server:8081")] },
  { name: "a range of ports", policies: [ingress([{ ports: [tcp(8081, 8082)] }])], checks: [open("guest", "server:8081"), open("guest", "server:8082"), closed("guest", "server:8080"), closed("guest", "server:8083")] },
  { name: "UDP alone", policies: [ingress([{ ports: [{ protocol: "UDP", port: 9053 }] }])], checks: [open("guest", "server:9053", "udp"), closed("guest", "server:8080")] },
  {
    name: "several policies add up",
    policies: [ingress([{ from: [{ podSelector: client }] }], "first"), ingress([{ from: [{ namespaceSelector: teamB }] }], "second")],
    checks: [open("client", "server:8080"), open("stranger", "server:8080"), closed("other", "server:8080")],
  },
  { name: "an egress policy without rules closes every way out and no way in", policies: [egress([])], checks: [closed("client", "server:8080"), closed("client", "service:80"), closed("client", "dns:53", "udp"), closed("client", "api:443"), open("guest", "client:8080"), open("other", "server:8080")] },
  { name: "egress to DNS only", policies: [egress([{ ports: [{ protocol: "UDP", port: 53 }] }])], checks: [open("client", "dns:53", "udp"), closed("client", "server:8080"), closed("client", "server:9053", "udp")] },
  { name: "egress to some pods and a port", policies: [egress([{ to: [{ podSelector: server }], ports: [tcp(8080)] }])], checks: [open("client", "server:8080"), open("client", "service:80"), closed("client", "server:8081"), closed("client", "guest:8080")] },
  { name: "egress to a named port of other pods", policies: [egress([{ to: [{ podSelector: {} }], ports: [tcp("web")] }])], checks: [open("client", "server:8080"), open("client", "other:8080"), closed("client", "server:8081"), closed("client", "guest:8080")] },
  { name: "egress to an address range: the API server", policies: [egress([{ to: [{ ipBlock: { cidr: "10.245.0.1/32" } }], ports: [tcp(6443)] }])], checks: [open("client", "api:443"), closed("client", "server:8080")] },
  {
    name: "a way needs both ends' permission",
    policies: [egress([{ to: [{ podSelector: server }] }]), ingress([{ from: [{ namespaceSelector: teamB }] }])],
    checks: [closed("client", "server:8080"), open("guest", "server:8080")],
  },
];
