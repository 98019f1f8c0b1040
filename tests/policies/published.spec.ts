/** The pack as `pulumi policy publish` sends it: npm's archive of its folder, and what its package.json names; nothing else of the repository. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { deployment } from "../../policies/rules/examples.ts";
import { PackProcess } from "./packProcess.ts";

interface Manifest {
  readonly main: string;
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
}
const manifest = (folder: string) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
const EVIDENCE = ["evidence-eu-ai-act", "evidence-data-governance", "evidence-security-posture"];

describe("the published pack", () => {
  let folder: string;
  let unpacked: string;
  let pack: PackProcess | undefined;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "published-"));
    execFileSync("npm", ["pack", "--silent", "--pack-destination", folder, resolve("policies")], { stdio: "pipe" });
    const [archive = ""] = readdirSync(folder);
    execFileSync("tar", ["xzf", archive], { cwd: folder });
    unpacked = join(folder, "package");
    for (const name of Object.keys(manifest(unpacked).dependencies)) {
      mkdirSync(dirname(join(unpacked, "node_modules", name)), { recursive: true });
      symlinkSync(resolve("node_modules", name), join(unpacked, "node_modules", name));
    }
  });
  afterEach(async () => {
    await pack?.stop();
    pack = undefined;
  });
  after(() => rmSync(folder, { recursive: true }));

  it("is the bundle, its manifests and the configurations, and no source", () => {
    const files = readdirSync(unpacked, { recursive: true, encoding: "utf8" }).filter((name) => !name.startsWith("node_modules") && /\.\w+$/.test(name));
    assert.deepEqual(files.filter((name) => !name.startsWith("config/")).sort(), ["PulumiPolicy.yaml", manifest(unpacked).main, "package.json"]);
    assert(files.includes("config/production.json"));
  });

  it("asks for the versions that are tested here", () => {
    const { dependencies } = manifest(resolve("."));
    for (const [name, version] of Object.entries(manifest(unpacked).dependencies)) assert.equal(version, dependencies[name], name);
  });

  it("judges from its own folder, and misses the evidence unless it is told where that is", async () => {
    const subject = { type: "kubernetes:apps/v1:Deployment", name: "app", properties: deployment({ securityContext: { privileged: true } }) };
    const found = async (environment: Record<string, string>) => {
      pack = await PackProcess.start(environment, unpacked);
      await pack.configure(Object.fromEntries(EVIDENCE.map((policy) => [policy, { enforcementLevel: "mandatory" }])));
      const diagnostics = await pack.analyze(subject);
      await pack.stop();
      pack = undefined;
      return diagnostics;
    };
    const alone = await found({});
    assert(alone.some(({ policy, level }) => policy === "no-privileged-containers" && level === "mandatory"));
    const evidence = alone.filter(({ policy }) => EVIDENCE.includes(policy));
    assert.deepEqual(evidence.map(({ level }) => level), EVIDENCE.map(() => "mandatory"));
    assert(evidence.every(({ message }) => message.includes("there is no evidence directory")));
    const told = (await found({ RLHF_EVIDENCE_DIRECTORY: resolve("compliance") })).filter(({ policy }) => EVIDENCE.includes(policy));
    assert.deepEqual(told.map(({ message }) => /belongs to another release/.test(message)), EVIDENCE.map(() => true));
  });
});
