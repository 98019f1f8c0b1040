/** The command line over files, good and bad. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deployment, manifest } from "../../policies/rules/examples.ts";

describe("policy scan", () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "scan-"));
  });
  after(() => rmSync(directory, { recursive: true }));

  const write = (name: string, content: string) => {
    writeFileSync(join(directory, name), content);
    return join(directory, name);
  };
  const scan = (args: string[], input = "", environment: Record<string, string> = {}) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ["policies/cli.ts", "scan", ...args], { input, encoding: "utf8", env: { ...process.env, ...environment } });
    return { status, stdout, stderr };
  };
  const json = (value: unknown) => JSON.stringify(value);
  const DENY = manifest("networking.k8s.io/v1", "NetworkPolicy", { spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] } }, "deny");
  const SERVED = [deployment(), DENY];
  const BAD = deployment({ securityContext: { privileged: true } });

  it("0 for what is sound, 2 for a mandatory violation, on standard input too", () => {
    assert.equal(scan([write("good.json", json(SERVED))]).status, 0);
    const bad = scan(["-"], json([BAD, DENY]));
    assert.equal(bad.status, 2);
    assert.match(bad.stdout, /mandatory critical no-privileged-containers {2}spec\.template\.spec\.containers\[0\]\.securityContext\.privileged/);
    assert.doesNotMatch(bad.stdout, /\u001b/);
  });

  it("judges an exported Pulumi state", () => {
    const urn = "urn:pulumi:s::p::kubernetes:apps/v1:Deployment::app";
    const state = { version: 3, deployment: { resources: [{ urn, type: "kubernetes:apps/v1:Deployment", custom: true, inputs: BAD }] } };
    const { status, stdout } = scan([write("state.json", json(state))]);
    assert.equal(status, 2);
    assert.match(stdout, new RegExp(urn));
  });

  it("reads many documents, Lists and directories, passes over kinds nobody knows", () => {
    mkdirSync(join(directory, "many"));
    write("many/a.yaml", `# first\n---\n${json(deployment())}\n---\n---\napiVersion: v1\nkind: List\nitems: [${json(DENY)}]\n`);
    write("many/b.yml", "apiVersion: example.org/v1\nkind: Nobody\nmetadata: {name: x}\n");
    write("many/notes.txt", "not read");
    const { status, stdout } = scan([join(directory, "many")]);
    assert.equal(status, 0, stdout);
    assert.match(stdout, /^3 resources, 0 mandatory/m);
  });

  const broken: [string, string, RegExp][] = [
    ["broken YAML", "apiVersion: v1\nkind: [\n", /broken\.yaml:\d+: broken YAML or JSON/],
    ["broken JSON", '{"apiVersion": "v1",\n"kind" "Pod"}', /broken\.yaml:2: broken YAML or JSON/],
    ["no object", "- 1\n", /broken\.yaml:1: a document must be an object/],
    ["no kind", "foo: bar\n", /broken\.yaml:1: no apiVersion and kind/],
    ["deep nesting", `a: ${"[".repeat(150)}${"]".repeat(150)}\n`, /broken\.yaml:1: .*deep|broken\.yaml:1: .*nest/],
    ["deep nesting in JSON", `{"a": ${"[".repeat(20_000)}${"]".repeat(20_000)}}`, /broken\.yaml:1: it is nested more than 100 levels deep/],
    ["alias to itself", "apiVersion: v1\nkind: Pod\nspec: &a\n  self: *a\n", /broken\.yaml:1: its aliases unfold to more than/],
    ["bytes that are no text", "\u0000\u0001\u0002", /broken\.yaml:1: broken YAML or JSON/],
    ["alias bomb", `a: &a [x,x,x,x,x,x,x,x,x,x]\n${["b", "c", "d", "e", "f", "g", "h"].map((key, index) => `${key}: &${key} [${Array(10).fill(`*${"abcdefgh"[index]!}`).join(",")}]`).join("\n")}\n`, /unfold to more than/],
  ];
  for (const [name, content, message] of broken) {
    it(`1 for ${name}, with file and line, and the rest is judged`, () => {
      const { status, stdout, stderr } = scan([write("broken.yaml", content), write("bad.json", json(BAD))]);
      assert.equal(status, 1);
      assert.match(stdout, message);
      assert.match(stdout, /no-privileged-containers/);
      assert.equal(stderr, "");
    });
  }

  it("1 for one broken document among many, with its line, and those around it are judged", () => {
    const text = `# manifests\n---\n${json(BAD)}\n---\nkind: {\n---\n${json({ ...BAD, metadata: { ...(BAD.metadata as object), name: "other" } })}\n`;
    const { status, stdout } = scan([write("many.yaml", text)]);
    assert.equal(status, 1);
    assert.match(stdout, /many\.yaml:[56]: broken YAML or JSON/);
    assert.match(stdout, /^2 resources, .*1 could not be read$/m);
    assert.match(stdout, /^Deployment\/shop\/other .*many\.yaml:7$/m);
  });

  it("1 for a document of 100 MB, and the rest is judged in little memory", () => {
    const huge = join(directory, "huge.yaml");
    const descriptor = openSync(huge, "w");
    writeSync(descriptor, `${json(BAD)}\n---\nkey:\n`);
    for (let i = 0; i < 100; i++) writeSync(descriptor, `  - ${"x".repeat(1 << 20)}\n`);
    closeSync(descriptor);
    const { status, stdout } = scan([huge, write("bad.json", json(BAD))], "", { NODE_OPTIONS: "--max-old-space-size=192" });
    assert.equal(status, 1);
    assert.match(stdout, /huge\.yaml:2: a document longer than 32 MiB is not read; separate its objects by lines of ---/);
    assert.match(stdout, /^2 resources/m);
  });

  it("reads a file of 100 MB in many documents, in little memory", () => {
    const large = join(directory, "large.yaml");
    const descriptor = openSync(large, "w");
    const text = "x".repeat(1 << 20);
    for (let i = 0; i < 100; i++) writeSync(descriptor, `---\n${json(manifest("v1", "ConfigMap", { data: { text } }, `large-${i}`))}\n`);
    closeSync(descriptor);
    const { status, stdout } = scan([large], "", { NODE_OPTIONS: "--max-old-space-size=96" });
    assert.equal(status, 0, stdout.slice(-500));
    assert.match(stdout, /^100 resources/m);
  });

  it("1 for a directory that may not be read, and the rest is judged", () => {
    const closed = join(directory, "closed");
    mkdirSync(closed);
    chmodSync(closed, 0);
    const paths = [closed, write("bad.json", json(BAD))];
    // Root reads everything, unless it gives that up.
    const rights = ["--inh-caps=-dac_override,-dac_read_search", "--bounding-set=-dac_override,-dac_read_search"];
    const [program, args] = process.getuid?.() === 0 ? ["setpriv", [...rights, process.execPath]] : [process.execPath, []];
    const { status, stdout } = spawnSync(program, [...args, "policies/cli.ts", "scan", ...paths], { encoding: "utf8" });
    assert.equal(status, 1);
    assert.match(stdout, /error .*closed: access denied/);
    assert.match(stdout, /no-privileged-containers/);
  });

  it("1 for a directory in which nothing can be judged: it must not look like a pass", () => {
    mkdirSync(join(directory, "notes"));
    write("notes/readme.txt", "apiVersion: v1");
    const good = write("notes/deeper.json", json(SERVED));
    assert.equal(scan([good, join(directory, "notes")]).status, 0, "what was read already counts");
    rmSync(good);
    const { status, stdout } = scan([join(directory, "notes")]);
    assert.deepEqual([status, /error .*notes: there is no YAML or JSON file below it/.test(stdout)], [1, true], stdout);
  });

  it("1 for a path that isn't there", () => {
    const { status, stdout } = scan([join(directory, "absent.yaml")]);
    assert.deepEqual([status, /absent\.yaml: no such file/.test(stdout)], [1, true]);
  });

  it("1 and one clear line for a bad configuration, option or command", () => {
    const good = write("good.json", json(SERVED));
    const unknownRule = scan([good, "--config", write("config.json", json({ "no-priviledged-containers": "advisory" }))]);
    assert.equal(unknownRule.status, 1);
    assert.match(unknownRule.stderr, /config\.json:1: no-priviledged-containers: no such policy; did you mean no-privileged-containers\?\n$/);
    assert.match(scan([good, "--config", write("config.json", json({ "image-registry-allowed": { alowed: [] } }))]).stderr, /config\.json:1: image-registry-allowed: alowed: no such parameter/);
    assert.match(scan([good, "--config", write("config.json", json({ "image-by-digest": "fatal" }))]).stderr, /image-by-digest/);
    assert.match(scan([good, "--config", write("config.json", "{")]).stderr, /^error: .*config\.json:1: no JSON/);
    assert.match(scan([good, "--nonsense"]).stderr, /^error: Unknown option '--nonsense'/);
    assert.match(scan([]).stderr, /no path given/);
  });

  describe("waivers", () => {
    const day = (offset: number) => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
    const digest = `sha256:${"4e".repeat(32)}`;
    const sound = { rule: "no-privileged-containers", reason: "legacy driver, ticket 12", requestedBy: "a@example.org", approver: "b@example.org", expires: day(5), digest };
    const annotated = (written: string) => ({ ...BAD, metadata: { ...(BAD.metadata as object), annotations: { "policy.rlhf-audit-trail.dev/waivers": written } } });
    const ways: Record<string, (waiver: object) => { status: number | null; stdout: string }> = {
      "by configuration": (waiver) => scan([write("bad.json", json([BAD, DENY])), "--config", write("config.json", json({ waivers: { list: [{ resource: "Deployment/shop/app", ...waiver }] } }))]),
      "by annotation": (waiver) => scan([write("bad.json", json([annotated(json([waiver])), DENY]))]),
    };
    for (const [way, judged] of Object.entries(ways)) {
      it(`${way}: told and not stopping while they hold`, () => {
        const { status, stdout } = judged(sound);
        assert.equal(status, 0, stdout);
        assert.match(stdout, /waived +critical no-privileged-containers .*runs privileged\n +until .* by b@example\.org: legacy driver, ticket 12/);
        assert.match(stdout, /, 1 waived$/m);
      });
      const refused: [string, object, RegExp][] = [
        ["expired", { expires: day(-2) }, /its waiver expired on/],
        ["for another digest", { digest: `sha256:${"0".repeat(64)}` }, /its waiver is for another image digest/],
        ["without a digest", { digest: undefined }, /its waiver names no image digest/],
        ["approved by who asked", { approver: "a@example.org" }, /its waiver was approved by the one who asked/],
        ["too long", { expires: day(200) }, /longer than 90 days/],
      ];
      for (const [name, change, says] of refused) {
        it(`${way}: ${name}: a violation that says so: 2`, () => {
          const { status, stdout } = judged({ ...sound, ...change });
          assert.equal(status, 2);
          assert.match(stdout, says);
          assert.match(stdout, /mandatory critical no-privileged-containers/);
        });
      }
    }
    it("by an annotation that is wrong: a violation that says so: 2", () => {
      for (const [written, says] of [["{", /waivers is not JSON/], [json([{ ...sound, expires: "soon" }]), /waivers is wrong: 0\.expires/]] as const) {
        const { status, stdout } = scan([write("bad.json", json([annotated(written), DENY]))]);
        assert.equal(status, 2);
        assert.match(stdout, says);
      }
    });
  });

  it("enforces as configured", () => {
    const config = write("config.json", json({ all: "disabled", "no-privileged-containers": "advisory" }));
    const { status, stdout } = scan([write("bad.json", json(BAD)), "--config", config]);
    assert.equal(status, 0);
    assert.match(stdout, /1 resources, 0 mandatory, 1 advisory, 0 waived/);
  });
});
