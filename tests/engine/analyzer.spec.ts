import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ResourceReference, Secret, Unknown } from "../../engine/model.ts";
import { makeFolder, removeFolders } from "./folders.ts";
import { closeHosts, configured, messages, refusal, start } from "./hosts.ts";
import { makePack, makeResource, policy } from "./packs.ts";

/** A policy that reports what it was given, as JSON. */
const echo = policy("echo", "report(JSON.stringify(eval(args.props.ask)))");

describe("policy host", () => {
  afterEach(async () => {
    await closeHosts();
    removeFolders();
  });

  it("asks every pack about every resource, and carries the policies' metadata", async () => {
    const severe = policy(
      "no-x",
      'if (args.props.x !== undefined) report("x is set")',
      'enforcementLevel: "mandatory", severity: "high", remediationSteps: "Remove x.", url: "https://example.com/x",',
    );
    const host = start(
      makePack(severe, {}, "first"),
      makePack(policy("named", 'if (args.name === "a") report("a is no name")'), {}, "second"),
    );
    assert.deepEqual(await host.analyze(makeResource("a", { x: 1 })), [
      {
        pack: "first",
        packVersion: "1.2.3",
        policy: "no-x",
        level: "mandatory",
        severity: "high",
        urn: makeResource("a").urn,
        message: "x is set",
        description: "About no-x.",
        remediation: "Remove x.",
        url: "https://example.com/x",
      },
      {
        pack: "second",
        packVersion: "1.2.3",
        policy: "named",
        level: "advisory",
        severity: undefined,
        urn: makeResource("a").urn,
        message: "a is no name",
        description: "About named.",
        remediation: undefined,
        url: undefined,
      },
    ]);
    assert.deepEqual(await host.analyze(makeResource("b")), []);
    assert.deepEqual(
      host
        .runs()
        .map(({ name, policies, resourcesAnalyzed, stackAnalyzed }) => [
          name,
          policies,
          resourcesAnalyzed,
          stackAnalyzed,
        ]),
      [
        ["first", 1, 2, false],
        ["second", 1, 2, false],
      ],
    );
  });

  it("proves which build ran with which configuration", async () => {
    const pack = makePack(policy("a", ""), { "PulumiPolicy.yaml": "runtime: nodejs\nversion: 9.9.9\n" });
    const request = configured(pack, '{ "a": "disabled" }');
    const host = start(request);
    await host.ready;
    const digest = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");
    assert.deepEqual(host.runs(), [
      {
        name: "probe",
        version: "9.9.9",
        path: pack,
        digest: digest(join(pack, "index.js")),
        configPath: request.configPath,
        configDigest: digest(request.configPath ?? ""),
        policies: 1,
        disabled: ["a"],
        resourcesAnalyzed: 0,
        resourcesUnchecked: 0,
        stackAnalyzed: false,
      },
    ]);
  });

  it("gives a policy what Pulumi gives it", async () => {
    const host = start(makePack(echo));
    const ask = async (
      expression: string,
      changes: Parameters<typeof makeResource>[2] = {},
      properties: Parameters<typeof makeResource>[1] = {},
    ): Promise<unknown> => {
      const [finding] = await host.analyze(makeResource("a", { ask: expression, ...properties }, changes));
      return JSON.parse(finding?.message ?? "null") as unknown;
    };
    assert.deepEqual(await ask("[args.type, args.urn, args.name]"), ["test:index:Thing", makeResource("a").urn, "a"]);
    const options = {
      protect: true,
      ignoreChanges: ["b"],
      deleteBeforeReplace: false,
      aliases: ["urn:old"],
      additionalSecretOutputs: ["s"],
      customTimeouts: { create: 60, update: 0, delete: 5 },
    };
    assert.deepEqual(await ask("args.opts", { options, parent: "urn:parent" }), {
      protect: true,
      ignoreChanges: ["b"],
      aliases: ["urn:old"],
      deleteBeforeReplace: false,
      additionalSecretOutputs: ["s"],
      customTimeouts: { createSeconds: 60, updateSeconds: 0, deleteSeconds: 5 },
      parent: "urn:parent",
    });
    assert.deepEqual(
      await ask("args.provider", {
        provider: {
          type: "pulumi:providers:test",
          name: "p",
          urn: "urn:p",
          properties: { region: "here", __hidden: 1 },
        },
      }),
      { type: "pulumi:providers:test", name: "p", urn: "urn:p", props: { region: "here" } },
    );
    // Secrets in clear, internal properties left out, references by id or URN.
    assert.deepEqual(
      await ask(
        "[args.props.s, Object.keys(args.props.o), args.props.__inputs, args.props.r]",
        {},
        { s: new Secret("hunter2"), o: { a: 1, __x: 2 }, __inputs: {}, r: new ResourceReference("urn:r", "the-id") },
      ),
      ["hunter2", ["a"], null, "the-id"],
    );
    const [unknown] = await host.analyze(makeResource("a", { ask: "args.props.u.deep", u: new Unknown() }));
    assert.equal(unknown?.level, "advisory");
    assert.match(unknown.message, /can't run policy 'echo'.*during preview/);
  });

  it("runs the pack as the program of its stack", async () => {
    const host = start(
      makePack(
        policy(
          "where",
          'const p = require("@pulumi/pulumi"); report([p.getOrganization(), p.getProject(), p.getStack(), p.runtime.isDryRun(), new p.Config("shop").get("size")].join())',
        ),
      ),
    );
    assert.equal((await host.analyze(makeResource("a")))[0]?.message, "acme,shop,dev,true,3");
  });

  it("passes on what a pack prints", async () => {
    const host = start(makePack(policy("chatty", 'console.log("to stdout"); console.error("to stderr")')));
    await host.analyze(makeResource("a"));
    await host.close();
    assert.deepEqual(messages.toSorted(), ["to stderr", "to stdout"]);
  });

  it("judges the stack as a whole, and credits the resource a policy names", async () => {
    const whole =
      '{ name: "whole", description: "All.", enforcementLevel: "remediate", validateStack: (args, report) => { report(args.resources.map((r) => r.name + "<" + (r.parent?.name ?? "") + ":" + r.dependencies.map((d) => d.name) + ":" + Object.keys(r.propertyDependencies)).join()); report("about b", args.resources[1].urn); } }';
    const host = start(makePack(whole));
    const a = makeResource("a");
    const b = makeResource(
      "b",
      {},
      { parent: a.urn, dependencies: [a.urn], propertyDependencies: { p: [a.urn], q: [] } },
    );
    const findings = await host.analyzeStack([a, b]);
    assert.deepEqual(
      findings.map(({ urn, level, message }) => [urn, level, message]),
      [
        [undefined, "mandatory", "a<::,b<a:a:p"],
        [b.urn, "mandatory", "about b"],
      ],
    );
    assert.equal(host.runs()[0]?.stackAnalyzed, true);
  });

  it("lets packs mend resources one after the other, and says what they changed", async () => {
    const mend = (name: string, body: string): string =>
      `{ name: "${name}", description: "", enforcementLevel: "remediate", remediateResource: (args) => { ${body} } }`;
    const host = start(
      makePack(mend("label", 'args.props.label = "mine"; return args.props;'), {}, "one"),
      makePack(mend("shout", "args.props.label = args.props.label.toUpperCase(); return args.props;"), {}, "two"),
    );
    const { properties, remediations, findings } = await host.remediate(
      makeResource("a", { keep: new Secret(1), __internal: true }),
    );
    assert.deepEqual(properties, { keep: new Secret(1), __internal: true, label: "MINE" });
    assert.deepEqual(
      remediations.map(({ pack, policy: name, changes }) => [
        pack,
        name,
        changes.map(({ path, kind, after }) => [path, kind, after]),
      ]),
      [
        ["one", "label", [["label", "add", "mine"]]],
        ["two", "shout", [["label", "update", "MINE"]]],
      ],
    );
    assert.deepEqual(findings, []);
    // What cannot run on an unknown is told as advice.
    const told = await host.remediate(makeResource("a", { label: new Unknown() }));
    assert.match(told.findings.map(({ message }) => message).join(), /^$|can't run remediation/);
  });

  it("sets every policy as the configuration file says", async () => {
    const three = [
      policy("a", 'report("a")', 'enforcementLevel: "mandatory",'),
      policy("b", 'report("b")'),
      policy(
        "c",
        'report("c:" + args.getConfig().n)',
        'enforcementLevel: "disabled", configSchema: { properties: { n: { type: "integer", minimum: 1, default: 7 } } },',
      ),
    ].join(",");
    const host = start(configured(makePack(three), '{ "a": "disabled", "b": "remediate", "c": "advisory" }'));
    assert.deepEqual(
      (await host.analyze(makeResource("x"))).map(({ policy: name, level, message }) => `${name} ${level} ${message}`),
      ["b mandatory b", "c advisory c:7"],
    );
    assert.match(
      await refusal(start(configured(makePack(three), '{ "c": { "n": 0 } }'))),
      /configuration of policy pack probe is not valid:\n {2}- c\.n: /,
    );
  });

  describe("a pack that fails closes the gate", () => {
    it("when a policy throws: a mandatory finding that names pack and policy", async () => {
      const host = start(
        makePack(policy("wild", 'throw new Error("boom")')),
        makePack(policy("calm", 'report("still here")'), {}, "other"),
      );
      const findings = await host.analyze(makeResource("a"));
      assert.deepEqual(
        findings.map(({ pack, policy: name, level, severity }) => [pack, name, level, severity]),
        [
          ["probe", "wild", "mandatory", "critical"],
          ["other", "calm", "advisory", undefined],
        ],
      );
      assert.match(findings[0]?.message ?? "", /^The policy pack probe threw: .*wild[^]*boom/);
      // It is told once; what it did not see is counted.
      assert.deepEqual(
        (await host.analyze(makeResource("b"))).map(({ pack }) => pack),
        ["other"],
      );
      assert.deepEqual(await host.analyzeStack([makeResource("a")]), []);
      assert.deepEqual(
        host
          .runs()
          .map(({ resourcesAnalyzed, resourcesUnchecked, stackAnalyzed }) => [
            resourcesAnalyzed,
            resourcesUnchecked,
            stackAnalyzed,
          ]),
        [
          [0, 1, false],
          [2, 0, true],
        ],
      );
    });

    it("when its process dies in the middle", async () => {
      const host = start(makePack(policy("suicide", "process.exit(3)")));
      const findings = (await Promise.all([host.analyze(makeResource("a")), host.analyze(makeResource("b"))])).flat();
      assert.deepEqual(
        findings.map(({ policy: name, level }) => [name, level]),
        [["pack-failure", "mandatory"]],
      );
      assert.match(
        findings[0]?.message ?? "",
        /The policy pack probe (ended with exit code 3|is gone) while it was judging/,
      );
      assert.equal(host.runs()[0]?.resourcesUnchecked, 1);
    });

    it("when a remediation throws", async () => {
      const host = start(
        makePack(
          '{ name: "clumsy", description: "", enforcementLevel: "remediate", remediateResource: () => { throw new Error("slip"); } }',
        ),
      );
      const { findings, properties } = await host.remediate(makeResource("a", { x: 1 }));
      assert.deepEqual([findings[0]?.policy, findings[0]?.level, properties], ["clumsy", "mandatory", { x: 1 }]);
    });
  });

  it("leaves no process behind, closed or killed", async () => {
    const pidFile = join(makeFolder({}), "pid");
    const writePid = policy("pid", `require("node:fs").writeFileSync(${JSON.stringify(pidFile)}, String(process.pid))`);
    for (const end of ["close", "kill"] as const) {
      const host = start(makePack(writePid));
      await host.analyze(makeResource("a"));
      const pid = Number(readFileSync(pidFile, "utf8"));
      assert(existsSync(`/proc/${pid}`) || process.platform !== "linux");
      if (end === "kill") host.kill();
      await host.close();
      assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
    }
  });
});
