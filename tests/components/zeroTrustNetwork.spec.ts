import assert from "node:assert/strict";
import fc from "fast-check";
import { ZeroTrustNetwork, type ZeroTrustNetworkArgs } from "../../components/index.ts";
import {
  type Labels,
  appLabels,
  loadLabels,
  primaryPodLabels,
  selects,
  servingLabels,
  servingSelector,
  slotSelector,
  verificationLabels,
} from "../../components/labels.ts";
import { type Inputs, at, bothWays, underMocks } from "./mocks.ts";

const args: ZeroTrustNetworkArgs = {
  app: "audit",
  namespace: "production",
  ingress: "traefik",
  database: { namespace: "database", port: 5432 },
  redis: { namespace: "redis", port: 6379 },
  monitoring: "monitoring",
};

interface Pod {
  namespace: string;
  labels: Labels;
}
interface Policy {
  spec: Inputs;
}

/** What the API server and a network plugin make of the policies, for pods named by namespace and labels. */
function allows(policies: readonly Policy[], from: Pod, to: Pod, port: number, protocol = "TCP"): boolean {
  const one = (direction: "Ingress" | "Egress", subject: Pod, other: Pod): boolean => {
    if (subject.namespace !== "production") return true;
    const applying = policies.filter(
      ({ spec }) => (spec["policyTypes"] as string[]).includes(direction) && selects((at(spec, "podSelector.matchLabels") ?? {}) as Labels, subject.labels),
    );
    return (
      applying.length === 0 ||
      applying.some(({ spec }) =>
        ((spec[direction.toLowerCase()] ?? []) as Inputs[]).some(
          (rule) =>
            (rule["ports"] as Inputs[]).some((allowed) => allowed["port"] === port && allowed["protocol"] === protocol) &&
            ((rule["from"] ?? rule["to"]) as Inputs[]).some((peer) => matches(peer, other)),
        ),
      )
    );
  };
  return one("Egress", from, to) && one("Ingress", to, from);
}

function matches(peer: Inputs, pod: Pod): boolean {
  if (peer["ipBlock"] !== undefined) return false;
  const { "kubernetes.io/metadata.name": namespace } = (at(peer, "namespaceSelector.matchLabels") ?? {}) as Labels;
  return (namespace ?? "production") === pod.namespace && selects((at(peer, "podSelector.matchLabels") ?? {}) as Labels, pod.labels);
}

const build = async (more: Partial<ZeroTrustNetworkArgs> = {}, preview = false) => {
  const { registered, made } = await underMocks(() => new ZeroTrustNetwork("network", { ...args, ...more }), { preview });
  const policies = registered.filter(({ type }) => type === "kubernetes:networking.k8s.io/v1:NetworkPolicy");
  return { policies: policies.map(({ inputs }) => inputs as Inputs & Policy), made };
};

const elsewhere = (namespace: string, labels: Labels = {}): Pod => ({ namespace, labels });
const here = (labels: Labels): Pod => ({ namespace: "production", labels });
const blue = here(servingLabels("audit", "blue"));
const canary = here(servingLabels("audit"));
const primary = here(primaryPodLabels(servingLabels("audit")));
const verification = here(verificationLabels("audit"));
const gate = here({ app: "compliance-service", "app.kubernetes.io/part-of": "audit", "app.kubernetes.io/component": "gate" });
const dns = elsewhere("kube-system", { "k8s-app": "kube-dns" });

describe("The zero-trust network", () => {
  for (const [name, pod] of Object.entries({ "a slot's pod": blue, "a canary": canary, "a primary pod of Flagger": primary })) {
    it(`lets ${name} do what it must and nothing else`, async () => {
      const { policies } = await build();
      const expected: [from: Pod, to: Pod, port: number, allowed: boolean, protocol?: string][] = [
        [elsewhere("traefik"), pod, 8000, true],
        [elsewhere("traefik"), pod, 9000, false],
        [elsewhere("default"), pod, 8000, false],
        [elsewhere("monitoring"), pod, 8000, true],
        [verification, pod, 8000, true],
        [pod, verification, 8000, false],
        [pod, elsewhere("database"), 5432, true],
        [pod, elsewhere("database"), 22, false],
        [pod, elsewhere("redis"), 6379, true],
        [pod, elsewhere("redis"), 5432, false],
        [pod, dns, 53, true, "UDP"],
        [pod, dns, 53, true],
        [pod, elsewhere("kube-system"), 53, false],
        [pod, elsewhere("internet"), 443, false],
        [pod, pod, 8000, false],
      ];
      for (const [from, to, port, allowed, protocol] of expected) {
        assert.equal(allows(policies, from, to, port, protocol), allowed, `${from.namespace} → ${to.namespace}:${port}/${protocol ?? "TCP"}`);
      }
    });
  }

  it("denies by default, for pods that nobody has thought of too", async () => {
    const { policies } = await build();
    const stranger = here({ app: "stranger" });
    assert(!allows(policies, elsewhere("traefik"), stranger, 8000));
    assert(!allows(policies, stranger, elsewhere("database"), 5432));
    assert(!allows(policies, stranger, dns, 53, "UDP"));
    assert(allows(policies, verification, dns, 53, "UDP"));
    const whole = policies.find(
      ({ spec }) => Object.keys(spec["podSelector"] as object).length === 0 && spec["ingress"] === undefined && spec["egress"] === undefined,
    );
    assert.deepEqual(whole?.spec["policyTypes"], ["Ingress", "Egress"]);
  });

  it("lets a load source ask the application, and nobody else, where there is one", async () => {
    const load = here(loadLabels("audit"));
    assert(!allows((await build()).policies, load, canary, 8000));
    const { policies } = await build({ load: true });
    assert(allows(policies, load, canary, 8000));
    assert(allows(policies, load, dns, 53, "UDP"));
    assert(!allows(policies, load, elsewhere("database"), 5432));
    assert(!allows(policies, canary, load, 8080));
  });

  it("opens the application to gates, wherever they stand, and gates to Flagger where they stand here", async () => {
    const outside = (await build({ gates: { namespace: "gates", own: false, callers: "flagger-system" } })).policies;
    assert(allows(outside, elsewhere("gates", gate.labels), blue, 8000));
    assert(!allows(outside, elsewhere("gates"), blue, 8000));
    const inside = (await build({ gates: { namespace: "production", own: true, callers: "flagger-system" } })).policies;
    assert(allows(inside, gate, blue, 8000));
    assert(allows(inside, elsewhere("flagger-system"), gate, 8080));
    assert(allows(inside, gate, dns, 53, "UDP"));
    assert(!allows(inside, elsewhere("default"), gate, 8080));
    assert(allows(inside, gate, gate, 8080), "the gates ask each other");
    assert(!allows(inside, blue, gate, 8080));
    assert(!allows(inside, gate, gate, 9090));
    assert(allows(inside, gate, elsewhere("monitoring"), 9090));
    assert(!allows(inside, gate, elsewhere("database"), 5432));
  });

  it("opens further doors only when asked: clients by address, ACME's solver", async () => {
    const closed = (await build()).policies;
    const solver = here({ "acme.cert-manager.io/http01-solver": "true" });
    assert(!allows(closed, elsewhere("traefik"), solver, 8089));
    assert(!JSON.stringify(closed).includes("ipBlock"));
    const open = (await build({ acmeSolver: true, clientCidrs: ["192.0.2.0/24"] })).policies;
    assert(allows(open, elsewhere("traefik"), solver, 8089));
    assert(!allows(open, elsewhere("default"), solver, 8089));
    assert.equal(open.filter((policy) => JSON.stringify(policy).includes('"ipBlock":{"cidr":"192.0.2.0/24"}')).length, 1);
  });

  it("keeps verification's door shut where nothing is verified", async () => {
    const { policies } = await build({ verification: false });
    assert(!allows(policies, verification, blue, 8000));
  });

  it("follows other ports and namespaces", async () => {
    const { policies } = await build({ port: 9000, dns: { namespace: "dns", port: 5353 }, database: { namespace: "pg", port: 6432 } });
    assert(allows(policies, elsewhere("traefik"), blue, 9000));
    assert(!allows(policies, elsewhere("traefik"), blue, 8000));
    assert(allows(policies, blue, elsewhere("dns", dns.labels), 5353, "UDP"));
    assert(allows(policies, blue, elsewhere("pg"), 6432));
  });

  for (const { title, preview } of bothWays) {
    it(`names its policies, keeps them by reason, and lets them be edited ${title}`, async () => {
      const { policies, made } = await build({ transform: { networkPolicy: (policy) => (policy.metadata = { labels: { edited: "yes" } }) } }, preview);
      assert.deepEqual(Object.keys(made.policies), [
        "default-deny",
        "dns",
        "from-gateway",
        "to-database",
        "to-redis",
        "from-verification",
        "verification",
        "from-monitoring",
      ]);
      assert.equal(policies.length, 8);
      for (const policy of policies) assert.deepEqual(at(policy, "metadata"), { labels: { edited: "yes" } });
    });
  }
});

describe("Labels and selectors", () => {
  const name = fc.stringMatching(/^[a-z]([-a-z0-9]{0,20}[a-z0-9])?$/);
  const slot = fc.constantFrom("blue" as const, "green" as const, undefined);

  it("select the pods of a slot and of no other, of an application and of no other", () => {
    fc.assert(
      fc.property(name, name, slot, slot, (app, other, mine, theirs) => {
        const pod = servingLabels(app, mine);
        assert(selects(slotSelector(app, mine), pod) && selects(servingSelector(app), pod));
        assert.equal(selects(slotSelector(app, mine), servingLabels(other, theirs)), app === other && (mine === undefined || mine === theirs));
        assert(!selects(slotSelector(app, mine), verificationLabels(app)), "no Service may send a request to a verification pod");
      }),
    );
  });

  it("select Flagger's primary pods for the network and the budget, and not for the target", () => {
    fc.assert(
      fc.property(name, (app) => {
        const copy = primaryPodLabels(servingLabels(app));
        assert(selects(servingSelector(app), copy));
        assert(!selects(slotSelector(app), copy));
        assert.equal(copy["app"], `${app}-primary`);
        assert.equal(appLabels(app)["app"], app);
      }),
    );
  });
});
