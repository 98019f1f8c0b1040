import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { down } from "../../cluster/down.ts";
import { Node, type NodeStatus } from "../../cluster/node.ts";
import { repository } from "../../cluster/paths.ts";
import { mustRun } from "../../cluster/run.ts";
import { apply, eventually, kubectl, loadProbe, pod, portOf, start } from "./world.ts";

const name = "test-life";
const silent = () => undefined;

/** What a cluster could leave on the machine outside its folder. */
async function traces(cluster: string): Promise<Record<string, unknown>> {
  const state = new Node(cluster).state;
  return {
    processes: processes().filter(({ command }) => command.includes(`${state}/`) || command.startsWith(`rlhf-cluster-${cluster}\0`)),
    mounts: readFileSync("/proc/self/mountinfo", "utf8").split("\n").filter((line) => line.includes(state)),
    cgroups: readdirSync("/sys/fs/cgroup").filter((tree) => existsSync(join("/sys/fs/cgroup", tree, `rlhf-${cluster}`))),
    interfaces: (await mustRun("ip", ["-oneline", "link"])).split("\n").map((line) => line.split(":")[1]),
    rules: await mustRun("nft", ["list", "ruleset"]),
    folders: ["/var/lib/kubelet", "/var/lib/cni", "/var/log/pods", "/var/log/containers", "/run/containerd", "/run/netns", "/run/netpol", "/opt/containerd", "/usr/libexec/kubernetes"].filter(existsSync),
    sysctls: ["kernel/panic", "kernel/panic_on_oops", "vm/overcommit_memory", "net/ipv4/ip_forward"].map((one) => readFileSync(join("/proc/sys", one), "utf8")),
  };
}

/** Freezes one container of the cluster, by whichever version of cgroups there is. */
function freezeContainer(cluster: string): void {
  const [tree, file, word] = existsSync("/sys/fs/cgroup/freezer") ? ["/sys/fs/cgroup/freezer", "freezer.state", "FROZEN"] : ["/sys/fs/cgroup", "cgroup.freeze", "1"];
  const groups = readdirSync(join(tree, `rlhf-${cluster}`, "kubepods"), { recursive: true, encoding: "utf8" });
  const populated = groups.filter((path) => path.endsWith("cgroup.procs")).map((path) => join(tree, `rlhf-${cluster}`, "kubepods", path)).find((path) => readFileSync(path, "utf8") !== "");
  writeFileSync(join(dirname(populated ?? assert.fail("no container runs")), file), word);
}

function processes(): { id: number; command: string }[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .flatMap((entry) => {
      try {
        return [{ id: Number(entry), command: readFileSync(`/proc/${entry}/cmdline`, "utf8") }];
      } catch {
        return []; // ended since the listing
      }
    });
}

async function runsPod(node: Node, podName: string): Promise<void> {
  await apply(node, pod({ namespace: "default", name: podName, command: ["serve", "8080", "9053"] }));
  await node.kubectl(["wait", "--for=condition=Ready", `pod/${podName}`, "--timeout=180s"]);
}

async function ready(node: Node, condition: (status: NodeStatus) => boolean): Promise<NodeStatus> {
  return await eventually("the node is ready again", async () => {
    const status = await node.status();
    return status?.ready === true && condition(status) ? status : undefined;
  });
}

describe("the local cluster's life", function () {
  this.timeout(600_000);
  let node: Node;
  let clean: Record<string, unknown>;

  before(async () => {
    await down(name, true, silent);
    clean = await traces(name);
    node = await start(name);
    await loadProbe(node);
    await eventually("the namespace's account", async () => ((await kubectl(node, "get", "serviceaccount", "default")).code === 0 ? true : undefined));
  });
  after(async () => {
    await down(name, true, silent);
  });

  it("up again changes nothing", async () => {
    const pid = await node.alive();
    await start(name);
    assert.equal(await node.alive(), pid);
  });

  it("up with other settings is refused while it runs", async () => {
    await assert.rejects(start(name, { port: 17_999 }), /runs with other settings/);
  });

  for (const part of ["etcd", "containerd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "storage", "netpol"]) {
    it(`kill -9 of ${part} is repaired without a hand`, async () => {
      const was = (await ready(node, () => true)).parts.find((one) => one.name === part);
      assert.ok(was);
      await node.runInside(["/bin/bash", "-c", `kill -9 ${was.pid}`]);
      await ready(node, (status) => status.parts.some((one) => one.name === part && one.restarts > was.restarts && one.ready));
      await runsPod(node, `after-${part}`);
    });
  }

  it("an image is found by its digest, without a registry, and another digest is not", async () => {
    const { imageNames, goImage } = await import("../../cluster/images/catalog.ts");
    const { loadImage } = await import("../../cluster/images/load.ts");
    const { references } = await loadImage(node, goImage(new Map([["probe", node.path("bin/pause")]]), "probe"), [imageNames.auditTrail]);
    const reference = references[0] ?? "";
    assert.match(reference, /^ghcr\.io\/terragonlabs\/rlhf-audit-trail@sha256:[0-9a-f]{64}$/);
    const strange = reference.replace(/[0-9a-f]{64}$/, "0".repeat(64));
    const container = (image: string) => ({ name: "main", image, imagePullPolicy: "IfNotPresent" });
    const named = (podName: string, image: string) => ({ apiVersion: "v1", kind: "Pod", metadata: { namespace: "default", name: podName }, spec: { terminationGracePeriodSeconds: 0, containers: [container(image)] } });
    await apply(node, named("by-digest", reference), named("by-strange-digest", strange));
    await node.kubectl(["wait", "--for=condition=Ready", "pod/by-digest", "--timeout=180s"]);
    await node.kubectl(["wait", "--for=jsonpath={.status.containerStatuses[0].state.waiting}", "pod/by-strange-digest", "--timeout=180s"]);
    assert.equal((await kubectl(node, "get", "pod", "by-strange-digest", "--output=jsonpath={.status.phase}")).stdout, "Pending");
  });

  it("a claim gets a volume that pods share", async () => {
    await apply(node, { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { namespace: "default", name: "shared" }, spec: { accessModes: ["ReadWriteMany"], resources: { requests: { storage: "1Gi" } } } });
    await node.kubectl(["wait", "--for=jsonpath={.status.phase}=Bound", "pvc/shared", "--timeout=120s"]);
  });

  it("kubectl top works", async () => {
    await eventually("metrics of the node", async () => ((await kubectl(node, "top", "node")).code === 0 ? true : undefined));
  });

  it("kill -9 of PID 1 ends every process, and up repairs it with its data", async () => {
    await node.kubectl(["create", "configmap", "kept"]);
    process.kill((await node.alive()) ?? 0, "SIGKILL");
    await eventually("all processes are gone", async () => (((await traces(name)).processes as unknown[]).length === 0 ? true : undefined));
    await start(name);
    await node.kubectl(["get", "configmap", "kept"]);
    await runsPod(node, "after-all");
  });

  it("kill -9 of PID 1 while a container is frozen, as runc does for a moment to signal one, is repaired by up", async () => {
    freezeContainer(name);
    process.kill((await node.alive()) ?? 0, "SIGKILL");
    await start(name);
    await runsPod(node, "after-frost");
  });

  it("kill -9 of up in the middle is repaired by the next", async () => {
    await down(name, true, silent);
    const child = spawn(process.execPath, [join(repository, "cluster/main.ts"), "up", "--name", name, "--port", String(portOf(name))], { stdio: "ignore" });
    const ended = new Promise((resolve) => child.on("close", resolve));
    await eventually("the launcher has begun", async () => await new Promise<true | undefined>((resolve) => setImmediate(() => resolve(existsSync(node.path("run/pid")) ? true : undefined))));
    child.kill("SIGKILL");
    await ended;
    await start(name);
    await loadProbe(node);
    await runsPod(node, "after-up");
  });

  it("another cluster runs beside it", async () => {
    const other = await start("test-beside");
    try {
      assert.notEqual(other.kubeconfig, node.kubeconfig);
      const identity = async (one: Node) => await one.kubectl(["get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}"]);
      assert.notEqual(await identity(other), await identity(node));
      await down("test-beside", false, silent);
      assert.equal((await node.status())?.ready, true);
    } finally {
      await down("test-beside", true, silent);
    }
  });

  it("down leaves no process, mount, cgroup, interface, rule, folder or sysctl", async () => {
    await down(name, false, silent);
    assert.deepEqual(await traces(name), clean);
    assert.equal(await node.alive(), undefined);
    await down(name, true, silent);
    assert.equal(existsSync(node.state), false);
  });
});
