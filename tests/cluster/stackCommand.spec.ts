import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repository } from "../../cluster/paths.ts";
import { exampleDigest, readStackFile, setText } from "../../cluster/stackFile.ts";

const stackText = `# why this stack is as it is
config:
  shop:environment: local   # not staging
  shop:blueGreen:
    active: blue
    slots: { green: { image: 'ghcr.io/a/b@sha256:${"1".repeat(64)}' } ,
             blue: { image: "ghcr.io/a/b@${exampleDigest}" } }
`;

describe("the stack's file, as the local cluster reads and writes it", () => {
  let folder: string;
  let path: string;
  const write = (text: string) => writeFileSync(path, text);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "stack-file-"));
    path = join(folder, "Pulumi.local.yaml");
    writeFileSync(join(folder, "Pulumi.yaml"), "name: shop\nruntime: nodejs\n");
    write(stackText);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("tells environment, namespace and images", async () => {
    const file = await readStackFile(folder, "local");
    assert.deepEqual([file?.environment, file?.namespace, file?.namesCluster, file?.canary, file?.gatewayClass], ["local", "local", false, false, ""]);
    assert.deepEqual(file?.images.map(({ key }) => key), ["blueGreen.slots.green.image", "blueGreen.slots.blue.image"]);
    write("config:\n  shop:environment: local\n  shop:namespace: mine\n  shop:strategy: canary\n  shop:gateway: { className: contour }\n  shop:image: r/i@sha256:0\n  kubernetes:context: kind\n");
    const other = await readStackFile(folder, "local");
    assert.deepEqual([other?.namespace, other?.namesCluster, other?.canary, other?.gatewayClass, other?.images[0]?.key], ["mine", true, true, "contour", "image"]);
  });

  it("is left to the engine when it is missing or broken", async () => {
    assert.equal(await readStackFile(folder, "none"), undefined);
    write("config: [");
    assert.equal(await readStackFile(folder, "local"), undefined);
    write("config: 3");
    assert.equal((await readStackFile(folder, "local"))?.environment, "");
  });

  it("keeps every byte but the value that is set", async () => {
    const blue = (await readStackFile(folder, "local"))?.images[1];
    assert.ok(blue);
    await setText(path, blue.at, "ghcr.io/a/b@sha256:2");
    assert.equal(readFileSync(path, "utf8"), stackText.replace(`"ghcr.io/a/b@${exampleDigest}"`, "ghcr.io/a/b@sha256:2"));
    await assert.rejects(setText(path, ["config", "nothing"], "x"), /no plain value/);
  });

  it("is shipped with the digest that counts as the example", () => {
    // `up` replaces the local stack's own, and no other's.
    assert.ok(readFileSync(join(repository, "Pulumi.staging.yaml"), "utf8").includes(exampleDigest));
  });
});

describe("npm run up, where there is no cluster yet", () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), "no-home-"));
    chmodSync(home, 0o777);
  });
  afterEach(() => rmSync(home, { recursive: true }));

  function command(args: readonly string[], env: NodeJS.ProcessEnv = {}, asNobody = false) {
    const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => name !== "KUBECONFIG"));
    const user = asNobody && process.getuid?.() === 0 ? { uid: 65534 } : {};
    return spawnSync(process.execPath, [join(repository, "cluster/stackCommand.ts"), ...args], { cwd: repository, encoding: "utf8", env: { ...inherited, HOME: home, ...env }, ...user });
  }

  it("names the other ways to a cluster when this machine can't carry one", () => {
    const { status, stderr } = command(["up"], {}, true);
    assert.equal(status, 1, stderr);
    assert.match(stderr, /^No kubeconfig is given, and this machine can't make a cluster of its own\. The local cluster needs (root|Linux)/);
    assert.match(stderr, /--kubeconfig FILE.*kind create cluster/);
    assert.doesNotMatch(stderr, /\n\s+at /);
  });

  it("leaves a kubeconfig that is named, the other stacks, and what it can't read to the engine", () => {
    const none = join(home, "none");
    for (const [args, env, said] of [
      [["up"], { KUBECONFIG: none }, /There is no kubeconfig: .*none does not exist/],
      [["up", "--kubeconfig", none], {}, /There is no kubeconfig: .*none does not exist/],
      [["up", "--stack", "staging"], {}, /There is no kubeconfig: .*config does not exist/],
      [["up", "--stack", "stagin"], {}, /staging/],
      [["destroy"], {}, /Name it with --stack/],
    ] as const) {
      const state = args[0] === "up" ? ["--state", join(home, "state.json")] : [];
      const { status, stdout, stderr } = command([...args, ...state], { ...env }, true);
      assert.equal(status, 1, stdout + stderr);
      assert.match(stdout + stderr, said);
    }
  });

  it("explains itself without touching anything", () => {
    const { status, stdout } = command(["up", "--help"], {}, true);
    assert.equal(status, 0);
    assert.match(stdout, /--kubeconfig <file>/);
  });
});
