import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as rest } from "node:timers/promises";

/** Works with a process that was killed and that its parent does not ask for: it keeps its id, and does nothing any more. Needs /proc. */
export async function withZombie(work: (pid: number) => void | Promise<void>): Promise<void> {
  const parent = spawn("sh", ["-c", "sleep 600 & echo $!; exec sleep 600"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [said] = (await once(parent.stdout, "data")) as [Buffer];
    const pid = Number(said.toString());
    await until(() => readFileSync(`/proc/${String(parent.pid)}/comm`, "utf8") === "sleep\n"); // a shell would ask for it
    process.kill(pid, "SIGKILL");
    await until(() => readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z "));
    await work(pid);
  } finally {
    parent.kill("SIGKILL");
  }
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!holds()) {
    assert.ok(Date.now() < deadline, "within 30 s");
    await rest(10);
  }
}
