import assert from "node:assert/strict";
import { readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeFolder, removeFolders } from "./folders.ts";
import { closeHosts, configured, messages, refusal, start } from "./hosts.ts";
import { makePack, makeResource, policy } from "./packs.ts";

describe("policy pack", () => {
  afterEach(async () => {
    await closeHosts();
    removeFolders();
  });

  describe("refuses", () => {
    it("a configuration file that is broken or not there, before anything is started", async () => {
      assert.match(
        await refusal(start({ path: makePack(""), configPath: "/nowhere.json" })),
        /\/nowhere\.json cannot be read: ENOENT/,
      );
      assert.match(await refusal(start(configured(makePack(""), "{"))), /config\.json is not valid JSON/);
    });
    it("a folder that is no pack", async () => {
      assert.match(await refusal(start(makeFolder({}))), /is no policy pack: it has no PulumiPolicy\.yaml/);
    });
    it("a pack of another runtime", async () => {
      assert.match(
        await refusal(start(makePack("", { "PulumiPolicy.yaml": "runtime: opa\n" }))),
        /runtime is "opa"; the embedded engine runs nodejs packs only/,
      );
    });
    it("a pack without its dependencies", async () => {
      assert.match(
        await refusal(
          start(makeFolder({ "PulumiPolicy.yaml": "runtime: nodejs\n", "package.json": "{}", "index.js": "" })),
        ),
        /dependencies of the policy pack .* are not installed\. Run npm ci/,
      );
    });
    it("a pack that throws while it loads, with what it printed", async () => {
      assert.match(
        await refusal(start(makePack("(() => { throw new Error('bad start'); })()"))),
        /ended with exit code \d+ before it served\.[^]*bad start/,
      );
    });
    it("a pack that makes no PolicyPack", async () => {
      assert.match(await refusal(start(makePack("", { "index.js": "" }))), /ended with exit code 0 before it served/);
    });
    it("a pack that prints before its port", async () => {
      assert.match(
        await refusal(start(makePack("(console.log('hello'), undefined)"))),
        /printed "hello" where its port is expected.*use console\.error/,
      );
    });
  });

  it("builds a pack whose build is missing or older than its sources, and only then", async () => {
    const build =
      'const fs = require("node:fs"); fs.mkdirSync("bin", { recursive: true }); fs.copyFileSync("source.js", "bin/pack.js"); fs.appendFileSync("../count", "x");';
    const source = (text: string): string =>
      `new (require("@pulumi/policy").PolicyPack)("built", { policies: [${policy("say", `report("${text}")`)}] });`;
    const pack = makePack("", {
      "package.json": '{"version":"1.0.0","main":"bin/pack.js","scripts":{"build":"node make.cjs"}}',
      "make.cjs": build.replace("../count", "count.txt"),
      "source.js": source("one"),
    });
    const says = async (): Promise<string | undefined> => {
      const host = start(pack);
      const [finding] = await host.analyze(makeResource("a"));
      return finding?.message;
    };
    assert.equal(await says(), "one");
    assert.equal(await says(), "one");
    assert.equal(readFileSync(join(pack, "count.txt"), "utf8"), "x");
    writeFileSync(join(pack, "source.js"), source("two"));
    utimesSync(join(pack, "source.js"), new Date(Date.now() + 5000), new Date(Date.now() + 5000));
    assert.equal(await says(), "two");
    assert.match(messages.join("\n"), /building .* \(bin\/pack\.js is older than its sources\)/);
    writeFileSync(join(pack, "make.cjs"), 'console.error("no can do"); process.exit(4);');
    utimesSync(join(pack, "make.cjs"), new Date(Date.now() + 9000), new Date(Date.now() + 9000));
    assert.match(await refusal(start(pack)), /could not be built: "node make\.cjs" ended with 4\.\nno can do/);
  });
});
