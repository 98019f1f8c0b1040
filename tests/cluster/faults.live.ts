import assert from "node:assert/strict";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { down } from "../../cluster/down.ts";
import type { Node } from "../../cluster/node.ts";
import { mustRun } from "../../cluster/run.ts";
import { type Ended, makeProject, runCli, startCli } from "../engine/cli.ts";
import { removeFolders } from "../engine/folders.ts";
import { makeCertificate } from "../engine/kubernetes/certificates.ts";
import { FakeApiServer } from "../engine/kubernetes/fakeApiServer.ts";
import { kubectl, loadProbe, probeImage, start } from "./world.ts";

const name = "test-faults";

/** One Deployment that takes eight seconds to get ready, and one object that waits for it. */
const program = `
const config = new pulumi.Config();
const labels = { app: "faults" };
const app = new k8s.apps.v1.Deployment("app", {
  metadata: { name: "faults", namespace: "default", annotations: { "pulumi.com/timeoutSeconds": "180" } },
  spec: { selector: { matchLabels: labels }, template: { metadata: { labels, annotations: { version: config.require("version") } }, spec: { terminationGracePeriodSeconds: 0, containers: [
    { name: "probe", image: "${probeImage}", imagePullPolicy: "Never", args: ["serve", "8080", "9053"], readinessProbe: { tcpSocket: { port: 8080 }, initialDelaySeconds: 8, periodSeconds: 1 } },
  ] } } },
});
new k8s.core.v1.ConfigMap("after", { metadata: { name: "after", namespace: "default" }, data: { version: config.require("version"), ballast: "x".repeat(config.requireNumber("size")) } }, { dependsOn: app });
`;
const waiting = /app: \d (of 1 pods|pod of the old version)/;

/** Faults of all that an update rests on; each test begins with what the one before has left, as in life. */
describe("up, while what it rests on fails", function () {
  this.timeout(600_000);
  let node: Node;
  let root: string;
  let version = 0;

  before(async () => {
    node = await start(name);
    await loadProbe(node);
    root = makeProject(program);
  });
  after(async () => {
    await down(name, true, () => undefined);
    removeFolders();
  });

  const statePath = (): string => join(root, ".pulumi-local/shop/dev.json");
  const args = (kubeconfig = node.kubeconfig): string[] => ["up", "--stack", "dev", "--yes", "--kubeconfig", kubeconfig];
  /** Asks for a version that there was not before. `size`: bytes that its state takes besides. */
  const wish = (size = 0): string => {
    version += 1;
    writeFileSync(join(root, "Pulumi.dev.yaml"), `config:\n  shop:version: v${version}\n  shop:size: "${size}"\n`);
    return `v${version}`;
  };
  const deployed = async (): Promise<string> => (await kubectl(node, "get", "configmap", "after", "--ignore-not-found", "--output=jsonpath={.data.version}")).stdout;
  const must = ({ code, stdout, stderr }: Ended): void => assert.equal(code, 0, stdout + stderr);
  const restartsOf = async (part: string): Promise<number> => (await node.status())?.parts.find((one) => one.name === part)?.restarts ?? 0;
  const kill = async (part: string): Promise<void> => {
    const pid = (await node.status())?.parts.find((one) => one.name === part)?.pid;
    await node.runInside(["/bin/bash", "-c", `kill -9 ${String(pid)}`]);
  };

  for (const part of ["kube-apiserver", "containerd", "etcd"]) {
    it(`kill -9 of ${part} while pods are waited for: it goes on when that is back, and the stack is true`, async () => {
      const wanted = wish();
      const before = await restartsOf(part);
      const running = startCli(root, args());
      await running.printed(waiting);
      await kill(part);
      must(await running.ended);
      assert.equal(await deployed(), wanted);
      assert.ok((await restartsOf(part)) > before, "it was started again");
    });
  }

  it("a second up at the same time is refused, with who runs the first; the first is not disturbed", async () => {
    const wanted = wish();
    const first = startCli(root, args());
    await first.printed(waiting);
    const second = await runCli(root, args());
    assert.equal(second.code, 1);
    assert.match(second.stdout + second.stderr, new RegExp(`The stack is locked by .* on .* \\(pid ${String(first.child.pid)}\\), running "up --stack dev" since \\d{4}-`));
    must(await first.ended);
    assert.equal(await deployed(), wanted);
  });

  it("another cluster is refused by its identity, with both and the state's path, and is asked for nothing else", async () => {
    const other = new FakeApiServer();
    await other.start();
    try {
      wish();
      const kubeconfig = join(root, "other.kubeconfig");
      const text = { apiVersion: "v1", kind: "Config", "current-context": "other", clusters: [{ name: "other", cluster: { server: other.url, "insecure-skip-tls-verify": true } }], users: [{ name: "other", user: {} }], contexts: [{ name: "other", context: { cluster: "other", user: "other" } }] };
      writeFileSync(kubeconfig, JSON.stringify(text));
      const before = readFileSync(statePath(), "utf8");
      const { code, stdout, stderr } = await runCli(root, args(kubeconfig));
      assert.equal(code, 1, stdout + stderr);
      const own = (await node.kubectl(["get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}"])).trim();
      for (const part of [statePath(), own, "cluster-a", kubeconfig, "Nothing was changed"]) assert.ok((stdout + stderr).includes(part), `${part} in:\n${stdout}${stderr}`);
      assert.deepEqual([...new Set(other.asked.map(({ method, path }) => `${method} ${path}`))], ["GET /api/v1/namespaces/kube-system"]);
      assert.equal(readFileSync(statePath(), "utf8"), before);
    } finally {
      await other.stop();
    }
  });

  it("an administrator's certificate that has expired is named, with the time and the file to renew", async () => {
    const authority = { cert: readFileSync(node.path("pki/ca.crt"), "utf8"), key: readFileSync(node.path("pki/ca.key"), "utf8") };
    const { cert, key } = await makeCertificate({ subject: "O=system:masters, CN=admin", from: "2020-01-01T00:00:00Z", to: "2021-02-03T04:05:06Z", issuer: authority });
    const kubeconfig = join(root, "expired.kubeconfig");
    const { server } = (JSON.parse(await node.kubectl(["config", "view", "--raw", "--output=json"])) as { clusters: { cluster: { server: string } }[] }).clusters[0]?.cluster ?? assert.fail("no cluster");
    const base64 = (text: string): string => Buffer.from(text).toString("base64");
    const text = {
      apiVersion: "v1",
      kind: "Config",
      "current-context": "old",
      clusters: [{ name: "old", cluster: { server, "certificate-authority-data": base64(authority.cert) } }],
      users: [{ name: "old", user: { "client-certificate-data": base64(cert), "client-key-data": base64(key) } }],
      contexts: [{ name: "old", context: { cluster: "old", user: "old" } }],
    };
    writeFileSync(kubeconfig, JSON.stringify(text));
    const { code, stdout, stderr } = await runCli(root, args(kubeconfig));
    assert.equal(code, 1);
    assert.match(stdout + stderr, /does not know who we are: .*our own certificate \(O=system:masters, CN=admin\) expired on 2021-02-03T04:05:06Z\.\n\s+Renew the credentials of .*expired\.kubeconfig, context old/);
  });

  it("a disk that is full: the state that was there stays, and with room again the next up goes on", async () => {
    const folder = join(root, ".pulumi-local");
    const kept = readFileSync(statePath(), "utf8");
    await mustRun("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", folder]);
    try {
      mkdirSync(join(folder, "shop"));
      writeFileSync(statePath(), kept);
      const ballast = join(folder, "ballast");
      fill(ballast);
      // Room for the lock, and not for a state with so much in it.
      truncateSync(ballast, statSync(ballast).size - 8192);
      const wanted = wish(40_000);
      const { code, stdout, stderr } = await runCli(root, args());
      assert.equal(code, 1, stdout + stderr);
      assert.match(stdout + stderr, /The state .*dev\.json could not be written: ENOSPC\. The file that was there is untouched\./);
      assert.equal(readFileSync(statePath(), "utf8"), kept);
      assert.equal(existsSync(`${statePath()}.lock`), false, "the lock was given back");
      assert.notEqual(await deployed(), wanted, "what could not be recorded was not done");
      rmSync(ballast);
      must(await runCli(root, args()));
      assert.equal(await deployed(), wanted);
    } finally {
      const last = readFileSync(statePath(), "utf8");
      await mustRun("umount", [folder]);
      writeFileSync(statePath(), last);
    }
  });

  it("a cluster that was killed: said that nothing listens; when it is up again, so is the stack", async () => {
    process.kill((await node.alive()) ?? 0, "SIGKILL");
    const { code, stdout, stderr } = await runCli(root, args());
    assert.equal(code, 1);
    assert.match(stdout + stderr, /cannot be reached: nothing listens there/);
    await start(name);
    const wanted = wish();
    must(await runCli(root, args()));
    assert.equal(await deployed(), wanted);
  });
});

/** Writes until the disk is full. */
function fill(path: string): void {
  const file = openSync(path, "w");
  try {
    for (;;) writeSync(file, Buffer.alloc(4096, 1));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  } finally {
    closeSync(file);
  }
}
