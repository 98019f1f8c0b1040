import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { questionPaths } from "../../services/gates/app.ts";
import { readConfig, roles, type Role } from "../../services/gates/config.ts";
import { fellowsOf } from "../../services/gates/fellows.ts";
import { createLog } from "../../services/gates/log.ts";
import { newChallenge, ProofKeys, type Claim } from "../../services/gates/proof.ts";
import { startService, type Service } from "../../services/gates/service.ts";
import { digest, gateEnvironment, gateFiles, goodEvidence, payload, places, putRelease, Stub, token } from "./gates-world.ts";

const role = fc.constantFrom(...roles);
const type = fc.constantFrom("pre-rollout", "rollout", "confirm-traffic-increase", "confirm-promotion", "confirm-rollout", "rollback", "post-rollout", "event");
const webhooks = fc.array(fc.record({ gate: fc.oneof(role, fc.constantFrom(undefined, "record")), type, url: fc.constantFrom("http://a.gates/x", "http://b.gates/y") }), { maxLength: 12 });

describe("gates: whom a gate asks", () => {
  it("is never itself, what is no gate or what Flagger only tells; each once, and nobody at the hooks between", () => {
    fc.assert(
      fc.property(webhooks, role, type, (hooks, own, hook) => {
        const asked = fellowsOf(hooks, own, hook);
        if (hook !== "pre-rollout" && hook !== "confirm-promotion") {
          assert.deepEqual(asked, []);
          return;
        }
        assert.equal(new Set(asked.map((fellow) => `${fellow.role} ${fellow.url}`)).size, asked.length);
        for (const { role: other, url, wanted } of asked) {
          const named = hooks.filter((one) => one.gate === other && one.url === url).map((one) => one.type);
          assert.notEqual(other, own);
          assert.ok(named.some((at) => ["pre-rollout", "rollout", "confirm-traffic-increase", "confirm-promotion"].includes(at)));
          assert.equal(wanted === "yes", hook === "confirm-promotion" || named.includes("pre-rollout"));
        }
      }),
    );
  });

  it("leaves nobody out: as long as one gate is real, each other one is asked before the promotion", () => {
    fc.assert(
      fc.property(webhooks, role, (hooks, own) => {
        const asked = new Set(fellowsOf(hooks, own, "confirm-promotion").map((fellow) => fellow.role));
        for (const { gate, type: at } of hooks) {
          const other = roles.find((name) => name === gate);
          if (other !== undefined && other !== own && ["pre-rollout", "rollout", "confirm-promotion"].includes(at)) assert.ok(asked.has(other));
        }
      }),
    );
  });
});

describe("gates: proof", () => {
  let made: ReturnType<typeof gateFiles>;
  beforeEach(() => (made = gateFiles()));
  afterEach(() => made.remove());

  const claim: fc.Arbitrary<Claim> = fc.record({
    gate: role,
    environment: fc.constantFrom("staging", "production"),
    namespace: fc.constantFrom("a", "b"),
    canary: fc.constantFrom("app", "other"),
    template: fc.constantFrom(undefined, digest, `sha256:${"1".repeat(64)}`),
    outcome: fc.constantFrom("pass", "no", "not-yet"),
    reason: fc.string(),
  });

  it("holds for exactly what was claimed and asked, and for nothing else", async () => {
    const keys = new ProofKeys(made.files.proof);
    await fc.assert(
      fc.asyncProperty(claim, claim, fc.boolean(), async (said, wanted, same) => {
        const challenge = newChallenge();
        const proof = await keys.prove(challenge, said);
        const { template, ...rest } = said;
        assert.deepEqual(await keys.verify(challenge, rest, proof), { ...rest, template });
        assert.equal(await keys.verify(newChallenge(), rest, proof), undefined);
        const { template: other, ...else_ } = same ? { ...said, template: wanted.template } : wanted;
        const alike = JSON.stringify(else_) === JSON.stringify(rest);
        assert.equal((await keys.verify(challenge, else_, proof)) !== undefined, alike);
        // The revision stands in the proof: another one written into it breaks it.
        if (other !== template) assert.equal(await keys.verify(challenge, rest, proof.replace(/^\S+/, other ?? "unread")), undefined);
      }),
    );
  });

  it("is nothing that somebody made up", async () => {
    const keys = new ProofKeys(made.files.proof);
    const said: Omit<Claim, "template"> = { gate: "security", environment: "production", namespace: "shop", canary: "app", outcome: "pass", reason: "Passed." };
    const invented = fc.oneof(fc.string(), fc.string().map((text) => `${digest} ${text}`), fc.constant(`${digest} ${"0".repeat(64)}`));
    await fc.assert(fc.asyncProperty(invented, async (proof) => assert.equal(await keys.verify(newChallenge(), said, proof), undefined)));
    const proof = await new ProofKeys(undefined).prove("c".repeat(32), { ...said, template: digest });
    assert.equal(await keys.verify("c".repeat(32), said, proof), undefined, "another key's");
  });

  it("outlives the change of the key: whoever knows either can verify", async () => {
    const [old, next] = ["o".repeat(32), "n".repeat(32)];
    const with_ = (name: string, ...keys: string[]): ProofKeys => new ProofKeys(made.put(name, keys.join("\n")));
    const steps = [with_("before", old), with_("both", next, old), with_("after", next)];
    const said: Omit<Claim, "template"> = { gate: "security", environment: "production", namespace: "shop", canary: "app", outcome: "pass", reason: "Passed." };
    for (const [at, one] of steps.entries())
      for (const [beside, other] of steps.entries()) {
        const challenge = newChallenge();
        const known = (await other.verify(challenge, said, await one.prove(challenge, { ...said, template: digest }))) !== undefined;
        assert.equal(known, Math.abs(at - beside) < 2);
      }
    writeFileSync(made.files.proof, "short");
    await assert.rejects(new ProofKeys(made.files.proof).prepare(), /the file of proof keys must hold one or two lines/);
  });
});

/** Four gates as they run, each on a socket of its own, and stand-ins where a test puts one. */
describe("gates: among each other", () => {
  let stub: Stub;
  let made: ReturnType<typeof gateFiles>;
  let running: { role: Role; service: Service }[];
  let others: Server[];
  let lines: string[];
  const addresses = new Map<Role, string>();

  async function start(one: Role, change: Record<string, string> = {}): Promise<void> {
    const config = readConfig({ ...gateEnvironment(one, stub.address, made.files), WINDOW_SECONDS: "60", MIN_REQUESTS: "1", DECISION_TIMEOUT_MS: "5000", ...change });
    const service = await startService(config, createLog({ ...config, LOG_LEVEL: "debug" }, { write: (line) => void lines.push(line) }));
    running.push({ role: one, service });
    addresses.set(one, `http://127.0.0.1:${service.port}${questionPaths[one]}?token=${token}`);
  }
  async function stop(one: Role): Promise<void> {
    for (const { service } of running.filter(({ role: name }) => name === one)) await service.stop();
    running = running.filter(({ role: name }) => name !== one);
  }
  /** Something else at a gate's place. */
  async function replace(one: Role, answer: RequestListener): Promise<void> {
    const server = createServer(answer);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    others.push(server);
    addresses.set(one, `http://127.0.0.1:${(server.address() as AddressInfo).port}${questionPaths[one]}?token=${token}`);
    canary();
  }
  function canary(): void {
    const hook = (gate: Role, at: string) => ({ name: `${gate}-${at}`, type: at, url: addresses.get(gate), metadata: { gate, hook: at } });
    const asked = [hook("approval", "confirm-promotion"), hook("compliance", "pre-rollout"), hook("compliance", "confirm-promotion"), hook("security", "pre-rollout"), hook("security", "confirm-promotion"), hook("performance", "rollout")];
    const told = { name: "record", type: "event", url: addresses.get("compliance"), metadata: { gate: "record", hook: "event" } };
    stub.set(places.canary, { spec: { targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "app" }, analysis: { webhooks: [...asked, told] } } });
  }
  async function ask(one: Role, hook: string, headers: Record<string, string> = {}): Promise<string> {
    const response = await fetch(addresses.get(one) ?? "", { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(payload({ metadata: { gate: one, hook } })) });
    return `${response.status} ${(await response.text()).trim()}`;
  }
  const records = (): Record<string, unknown>[] => readFileSync(made.files.record, "utf8").trim().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);

  beforeEach(async () => {
    stub = await Stub.start();
    made = gateFiles();
    [running, others, lines] = [[], [], []];
    putRelease(stub);
    stub.samples.set("http_requests_total", [[{}, "1000"]]);
    stub.samples.set('status=~"5.."', []);
    stub.samples.set("http_request_duration_seconds_bucket", ["0.1", "+Inf"].map((le) => [{ le }, "1000"]));
    stub.samples.set("container_cpu_usage_seconds_total", [[{}, "0.1"]]);
    stub.samples.set("container_memory_working_set_bytes", [[{}, "1000"]]);
    for (const one of roles) await start(one);
    canary();
  });
  afterEach(async () => {
    for (const { service } of running) await service.stop();
    for (const server of others) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    await stub.stop();
    made.remove();
  });

  it("say yes when all the others prove theirs, and record who asked whom", async () => {
    assert.match(await ask("compliance", "pre-rollout"), /^200 Passed: .*; their yes is proven by security, their presence by approval, performance\.$/);
    const first = records();
    assert.deepEqual(first.map((line) => [line["gate"], line["asker"]]).sort(), [["approval", "compliance"], ["compliance", "flagger"], ["performance", "compliance"], ["security", "compliance"]]);
    const own = first.find((line) => line["asker"] === "flagger");
    assert.deepEqual(Object.keys(own?.["inputs"] as object).sort(), ["gate/approval", "gate/performance", "gate/security", `${digest}/evidence.dsse.json`]);
    for (const one of ["approval", "compliance", "security"] as const) assert.match(await ask(one, "confirm-promotion"), /^200 Passed: .*; their yes is proven by /);
    // Under traffic each answers for itself.
    const before = records().length;
    assert.match(await ask("performance", "rollout"), /^200 Passed: /);
    assert.equal(records().length, before + 1);
  });

  const garbage: Readonly<Record<string, [RequestListener, RegExp]>> = {
    "answers 200 with garbage": [(_, response) => response.end("<html>It works!</html>"), /127\.0\.0\.1 answered 200 without proof that it is the NAME gate: something else answers there, or it has another proof key/],
    "answers 200 with the words of a gate": [(_, response) => response.end("Passed: everything is fine.\n"), /127\.0\.0\.1 answered 200 without proof/],
    "answers 200 with a proof that it made up": [(_, response) => response.writeHead(200, { "Gate-Proof": `${digest} ${"0".repeat(64)}` }).end("Passed.\n"), /127\.0\.0\.1 answered 200 without proof/],
    "gives back the challenge": [(request, response) => response.writeHead(200, { "Gate-Proof": String(request.headers["gate-challenge"]) }).end("Passed.\n"), /127\.0\.0\.1 answered 200 without proof/],
    "answers 500": [(_, response) => response.writeHead(500).end("oops"), /127\.0\.0\.1 answered 500 without proof/],
    "sends on elsewhere": [(_, response) => response.writeHead(307, { Location: addresses.get("compliance") }).end(), /127\.0\.0\.1 answered 307 without proof/],
    "answers without end": [(_, response) => void response.write("x".repeat(5 * 1024 * 1024)), /the NAME gate \(127\.0\.0\.1\) answered more than 4194304 bytes/],
    "cuts the connection": [(request) => void request.socket.destroy(), /the NAME gate \(127\.0\.0\.1\) cannot be reached \(ECONNRESET\)/],
  };
  for (const [manner, [answer, said]] of Object.entries(garbage)) {
    it(`let nothing pass where something in the place of any of them ${manner}`, async () => {
      for (const gone of roles) {
        const real = addresses.get(gone) ?? "";
        await replace(gone, answer);
        for (const other of (["compliance", "security"] as const).filter((name) => name !== gone)) {
          for (const hook of ["pre-rollout", "confirm-promotion"]) {
            const text = await ask(other, hook);
            assert.match(text, new RegExp(`^409 Not yet: .*${said.source.replace("NAME", gone)}`), `${other} at ${hook}`);
            assert.ok(!text.includes(token));
          }
        }
        addresses.set(gone, real);
      }
      assert.ok(!lines.join("").includes(token) && !readFileSync(made.files.record, "utf8").includes(token));
    });
  }

  it("let nothing pass where one of them hangs, or is not there", async () => {
    await start("compliance", { DECISION_TIMEOUT_MS: "2000" });
    await replace("security", () => undefined);
    assert.match(await ask("compliance", "pre-rollout"), /^409 Not yet: the security gate \(127\.0\.0\.1\) did not answer in time\.$/);
    await start("security");
    canary();
    await stop("approval");
    assert.match(await ask("compliance", "pre-rollout"), /^409 Not yet: the approval gate \(127\.0\.0\.1\) cannot be reached \(ECONNREFUSED\)\.$/);
  });

  it("say what another one says: its no is a no, and before the traffic a gate that is asked later need not say yes", async () => {
    const unapproved = Object.entries(goodEvidence()).filter(([name]) => !name.startsWith("approval-"));
    stub.set(places.evidence, { data: Object.fromEntries(unapproved) });
    assert.match(await ask("compliance", "pre-rollout"), /^200 Passed/);
    assert.match(await ask("compliance", "confirm-promotion"), /^409 Not yet: the approval gate says: Not yet: nobody has approved sha256:d+ for production: waiting for approval-production/);
    stub.samples.set('status=~"5.."', [[{}, "500"]]);
    assert.match(await ask("security", "confirm-promotion"), /^403 No: the performance gate says: No: 50 % of 1000 answers are errors/);
  });

  it("take no proof by another key, and none of another revision", async () => {
    await start("security", { PROOF_KEY_FILE: made.put("other", "x".repeat(40)) });
    canary();
    assert.match(await ask("compliance", "pre-rollout"), /^409 Not yet: 127\.0\.0\.1 answered 200 without proof that it is the security gate/);
    // It reads the release from another API server, where the same Canary has another revision.
    const elsewhere = await Stub.start();
    try {
      putRelease(elsewhere);
      elsewhere.set(places.deployment, { spec: { template: { metadata: { annotations: { touched: "yes" } }, spec: { containers: [{ name: "app", image: `a@${digest}` }] } } } });
      await start("security", { KUBERNETES_API: elsewhere.address });
      canary();
      assert.match(await ask("compliance", "pre-rollout"), /^409 Not yet: the security gate said yes to another revision \(pod template sha256:[0-9a-f]{64}\) than this gate looked at \(sha256:[0-9a-f]{64}\)\.$/);
    } finally {
      await stop("security");
      await elsewhere.stop();
    }
  });

  it("ask nobody on behalf of another, however little of the question is left", async () => {
    await replace("security", (_, response) => response.end());
    const asked = { "Gate-Challenge": newChallenge() };
    assert.match(await ask("compliance", "confirm-promotion", asked), /^200 Passed/);
    const marked = await fetch(addresses.get("compliance") ?? "", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(payload({ metadata: { hook: "confirm-promotion", asker: "security" } })) });
    assert.deepEqual([marked.status, marked.headers.get("Gate-Proof")], [200, null]);
    assert.match(await ask("compliance", "confirm-promotion", { "Gate-Challenge": "short" }), /^422 Not answered: Gate-Challenge must be/);
  });

  it("ask only http and https addresses without credentials", async () => {
    for (const url of ["file:///etc/passwd", "http://user:secret@127.0.0.1/", "nonsense"]) {
      addresses.set("security", url);
      canary();
      assert.match(await ask("compliance", "pre-rollout"), /^409 Not yet: the address of the security gate in Canary app is no http or https address without credentials\.$/);
    }
  });
});
