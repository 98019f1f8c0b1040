/** What NetworkPolicies allow. */
import { z } from "zod";
import { resourceRule, type Finding } from "../rule.ts";
import { get, has, list, object, text, texts, type Obj } from "../value.ts";
import { cidrContains } from "../kubernetes/cidr.ts";
import { selectsAll } from "../kubernetes/selector.ts";
import { manifest } from "./examples.ts";

const policy = (spec: Obj) => manifest("networking.k8s.io/v1", "NetworkPolicy", { spec });
const EGRESS: Obj = { podSelector: { matchLabels: { app: "app" } }, policyTypes: ["Egress"], egress: [{ to: [{ namespaceSelector: { matchLabels: { name: "database" } } }], ports: [{ protocol: "TCP", port: 5432 }] }] };
/** Where clouds hand out the node's credentials. */
const METADATA = ["169.254.169.254", "fd00:ec2::254"];
const sandbox = (spec: Obj) => manifest("extensions.agents.x-k8s.io/v1alpha1", "SandboxTemplate", { spec: { podTemplate: {}, ...spec } });
const block = (ipBlock: Obj, ports?: readonly Obj[]) => policy({ ...EGRESS, egress: [{ to: [{ ipBlock }], ...(ports && { ports }) }] });

export const noAllowAll = resourceRule({
  id: "no-allow-all", title: "No NetworkPolicy allows everything to every pod of its namespace.", severity: "medium", level: "mandatory", kinds: ["NetworkPolicy"],
  why: "Policies add up: one that allows all undoes every default deny.", fix: "Name the pods in podSelector and the peers in from and to.",
  examples: {
    pass: [policy(EGRESS), policy({ podSelector: {}, policyTypes: ["Ingress", "Egress"] }), policy({ podSelector: { matchLabels: { app: "gateway" } }, ingress: [{}] }), policy({ podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] }), policy({ podSelector: {}, ingress: [{ ports: [{ port: 80 }] }] }), policy({ podSelector: {}, egress: [{ to: [{ podSelector: {} }] }] })],
    fail: [policy({ podSelector: {}, ingress: [{}] }), policy({ podSelector: {}, policyTypes: ["Egress"], egress: [{ to: [] }] }), policy({ podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }, { from: [] }] })],
  },
  check: ({ data }) => {
    if (!selectsAll(get(data, "spec", "podSelector"))) return [];
    return (["ingress", "egress"] as const).flatMap((direction) =>
      list(data, "spec", direction).flatMap((rule, index): Finding[] => (list(rule, direction === "ingress" ? "from" : "to").length === 0 && list(rule, "ports").length === 0 ? [{ path: `spec.${direction}[${index}]`, message: `every ${direction} of every pod is allowed` }] : [])),
    );
  },
});

export const emptyPodSelectorIsDefault = resourceRule({
  id: "empty-pod-selector-denies", title: "A NetworkPolicy for all pods only denies.", severity: "low", kinds: ["NetworkPolicy"],
  why: "An empty podSelector with rules opens pods that are yet to come.", fix: "Name the pods, or leave the rules out.",
  examples: { pass: [policy(EGRESS), policy({ podSelector: {}, policyTypes: ["Ingress", "Egress"] })], fail: [policy({ podSelector: {}, ingress: [{ from: [{ podSelector: { matchLabels: { app: "gateway" } } }] }] }), policy({ podSelector: {}, egress: [{ ports: [{ port: 53 }] }] })] },
  check: ({ data }) => (selectsAll(get(data, "spec", "podSelector")) && (list(data, "spec", "ingress").length > 0 || list(data, "spec", "egress").length > 0) ? [{ path: "spec.podSelector", message: "rules are given to every pod of the namespace" }] : []),
});

export const egressLimited = resourceRule({
  id: "egress-limited", title: "Egress goes to named destinations, never to everywhere or the cloud's metadata.", severity: "high", kinds: ["NetworkPolicy", "SandboxTemplate"],
  why: "Data leaves through the one rule that allows all; the metadata address hands out the node's credentials.", fix: "Name namespaces, pods or narrow ipBlocks, with ports; except 169.254.169.254/32.",
  parameters: z.strictObject({ allowDns: z.boolean().default(true).describe("allow port 53 to everywhere"), allowEverywhere: z.boolean().default(false).describe("allow 0.0.0.0/0 with the metadata address excepted") }),
  examples: {
    pass: [
      policy(EGRESS),
      policy({ ...EGRESS, egress: [{ to: [], ports: [{ protocol: "UDP", port: 53 }, { protocol: "TCP", port: 53 }] }] }),
      block({ cidr: "10.1.0.0/16" }, [{ port: 443 }]),
      block({ cidr: "169.254.0.0/16", except: ["169.254.169.254/32"] }),
      block({ cidr: "0.0.0.0/0", except: ["10.0.0.0/8", "169.254.0.0/16"] }, [{ port: 443 }]),
      block({ cidr: "::/0", except: ["fd00::/8"] }, [{ port: 53 }]),
      block({ cidr: "169.254.169.253/32" }),
      sandbox({}),
      sandbox({ networkPolicyManagement: "Managed", networkPolicy: {} }),
      sandbox({ networkPolicy: { egress: [{ to: [{ ipBlock: { cidr: "10.0.0.0/8" } }] }] } }),
      sandbox({ networkPolicy: { egress: [] } }),
    ],
    fail: [
      policy({ ...EGRESS, egress: [{}] }),
      policy({ ...EGRESS, egress: [{ to: [], ports: [{ port: 53 }, { port: 80 }] }] }),
      block({ cidr: "0.0.0.0/0" }),
      block({ cidr: "0.0.0.0/0", except: ["169.254.169.254/32"] }),
      block({ cidr: "::/0", except: ["fd00:ec2::254/128"] }, [{ port: 443 }]),
      block({ cidr: "169.254.0.0/16" }, [{ port: 80 }]),
      block({ cidr: "fd00:ec2::/32" }, [{ port: 80 }]),
      block({}),
      policy({ ...EGRESS, egress: [{ to: [{ podSelector: {} }, {}] }] }),
      policy({ ...EGRESS, egress: [{ to: [null] }] }),
      sandbox({ networkPolicyManagement: "Unmanaged" }),
      sandbox({ networkPolicy: [] }),
      sandbox({ networkPolicy: { egress: "all" } }),
      sandbox({ networkPolicy: { egress: [{}] } }),
    ],
    more: [
      { parameters: { allowEverywhere: true }, pass: [block({ cidr: "0.0.0.0/0", except: ["169.254.169.254/32"] })], fail: [block({ cidr: "0.0.0.0/0" })] },
      { parameters: { allowDns: false }, pass: [policy(EGRESS)], fail: [policy({ ...EGRESS, egress: [{ to: [], ports: [{ port: 53 }] }] })] },
    ],
  },
  check: ({ kind, data }, { allowDns, allowEverywhere }) => {
    const keys = kind === "SandboxTemplate" ? ["spec", "networkPolicy", "egress"] : ["spec", "egress"];
    const where = keys.join(".");
    if (kind === "SandboxTemplate") {
      if (text(data, "spec", "networkPolicyManagement") === "Unmanaged") return [{ path: "spec.networkPolicyManagement", message: "nothing limits the sandbox's egress" }];
      if (!has(data, "spec", "networkPolicy")) return [];
      if (Array.isArray(get(data, "spec", "networkPolicy"))) return [{ path: "spec.networkPolicy", message: "networkPolicy is no object" }];
      if (!Array.isArray(get(data, ...keys))) return has(data, ...keys) ? [{ path: where, message: "egress is no list" }] : [];
    }
    return list(data, ...keys).flatMap((rule, i): Finding[] => {
      const path = `${where}[${i}]`;
      const peers = list(rule, "to");
      const ports = list(rule, "ports");
      const dns = allowDns && ports.length > 0 && ports.every((port) => get(port, "port") === 53);
      if (peers.length === 0) return dns ? [] : [{ path, message: "egress to everywhere is allowed" }];
      return peers.flatMap((peer, j): Finding[] => {
        const cidr = text(peer, "ipBlock", "cidr");
        if (cidr === undefined) return has(peer, "ipBlock") || Object.keys(object(peer)).length === 0 ? [{ path: `${path}.to[${j}]`, message: "the peer names nothing" }] : [];
        const except = texts(peer, "ipBlock", "except");
        if (METADATA.some((address) => cidrContains(cidr, address) && !except.some((range) => cidrContains(range, address)))) return [{ path: `${path}.to[${j}].ipBlock`, message: `${cidr} includes the cloud's metadata address` }];
        return /^(0\.0\.0\.0|::)\/0$/.test(cidr) && !allowEverywhere && !dns && (cidr.startsWith("::") || ports.length === 0) ? [{ path: `${path}.to[${j}].ipBlock`, message: `${cidr} is everywhere` }] : [];
      });
    });
  },
});

const peerAuthentication = (mode: string, ports?: Obj) => manifest("security.istio.io/v1", "PeerAuthentication", { spec: { mtls: { mode }, ...(ports && { portLevelMtls: ports }) } });

export const meshStrict = resourceRule({
  id: "mesh-mtls-strict", title: "The mesh encrypts, strictly.", severity: "high", kinds: ["security.istio.io/PeerAuthentication"],
  why: "PERMISSIVE takes plain text from whoever asks.", fix: "Set spec.mtls.mode: STRICT.",
  examples: {
    pass: [peerAuthentication("STRICT"), peerAuthentication("UNSET"), peerAuthentication("STRICT", { 9090: { mode: "STRICT" } })],
    fail: [peerAuthentication("PERMISSIVE"), peerAuthentication("DISABLE"), peerAuthentication("STRICT", { 9090: { mode: "DISABLE" } })],
  },
  check: ({ data }) => {
    const modes = [["spec.mtls.mode", text(data, "spec", "mtls", "mode")] as const, ...Object.keys((get(data, "spec", "portLevelMtls") ?? {})).map((port) => [`spec.portLevelMtls.${port}.mode`, text(data, "spec", "portLevelMtls", port, "mode")] as const)];
    return modes.filter(([, mode]) => mode !== undefined && mode !== "STRICT" && mode !== "UNSET").map(([path, mode]) => ({ path, message: `mode is ${mode ?? ""}` }));
  },
});

const mesh = (version: string) => manifest("consul.hashicorp.com/v1alpha1", "Mesh", { spec: { tls: { incoming: { tlsMinVersion: version } } } });

const options = (minVersion: string | undefined) => manifest("traefik.io/v1alpha1", "TLSOption", { spec: { minVersion } });
const gateway = (minProtocolVersion: string) => manifest("networking.istio.io/v1", "Gateway", { spec: { servers: [{ tls: {} }, { tls: { minProtocolVersion } }] } });

export const tlsMinimum = resourceRule({
  id: "tls-minimum-version", title: "TLS is at least 1.2 wherever its lowest version is set.", severity: "high", kinds: ["consul.hashicorp.com/Mesh", "traefik.io/TLSOption", "traefik.containo.us/TLSOption", "networking.istio.io/Gateway"],
  why: "TLS 1.0 and 1.1 are broken.", fix: "Set the lowest version to 1.2 or 1.3.",
  examples: {
    pass: [mesh("TLSv1_2"), options("VersionTLS12"), gateway("TLSV1_2"), options(undefined)],
    fail: [mesh("TLSv1_1"), mesh("TLSv1_0"), mesh("TLS_AUTO"), manifest("consul.hashicorp.com/v1alpha1", "Mesh", { spec: { tls: { outgoing: { tlsMinVersion: "TLSv1_0" } } } }), options("VersionTLS10"), gateway("TLSV1_1")],
  },
  check: ({ data }) => {
    const found: [string, string | undefined][] = [
      ["spec.tls.incoming.tlsMinVersion", text(data, "spec", "tls", "incoming", "tlsMinVersion")],
      ["spec.tls.outgoing.tlsMinVersion", text(data, "spec", "tls", "outgoing", "tlsMinVersion")],
      ["spec.minVersion", text(data, "spec", "minVersion")],
      ...list(data, "spec", "servers").map((server, index): [string, string | undefined] => [`spec.servers[${index}].tls.minProtocolVersion`, text(server, "tls", "minProtocolVersion")]),
    ];
    return found.filter(([, version]) => version !== undefined && /^(TLSv?1_?[01]|VersionTLS1[01]|TLS_AUTO)$/i.test(version)).map(([path, version]) => ({ path, message: `${version ?? ""} is allowed` }));
  },
});
