import assert from "node:assert/strict";
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { mustRun, run } from "../../cluster/run.ts";

/** More than a pipe holds. */
const much = "x".repeat(1_000_000);

describe("programs that the cluster is made with", () => {
  for (const [kind, input] of [["a text", () => much], ["a stream", () => Readable.from([much.slice(1), "x"])]] as const) {
    it(`get ${kind} as their input, whole`, async () => {
      assert.equal((await run("wc", ["-c"], { input: input() })).stdout.trim(), String(much.length));
    });

    it(`may end before they have read ${kind}: their exit code counts`, async () => {
      assert.deepEqual(await run("sh", ["-c", "exit 3"], { input: input() }), { code: 3, stdout: "", stderr: "" });
    });
  }

  it("are not believed when their input could not be read", async () => {
    await assert.rejects(mustRun("cat", [], { input: createReadStream("/no/such/file") }), /ENOENT.*\/no\/such\/file/);
  });

  it("that fail are an error with their last words", async () => {
    await assert.rejects(mustRun("sh", ["-c", "echo why >&2; exit 4"]), /ended with code 4:\nwhy/);
  });

  it("that are not there are named", async () => {
    await assert.rejects(run("no-such-program", []), /no-such-program can't be started/);
  });
});
