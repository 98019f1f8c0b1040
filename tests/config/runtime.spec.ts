import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { stackConfig } from "../../config/runtime.ts";
import { changed, load, local, project, raw } from "./fixtures.ts";

/** Makes this process look like a program that Pulumi runs. */
async function runFor(config: ReturnType<typeof raw>): Promise<void> {
  await pulumi.runtime.setMocks(
    {
      call: ({ inputs }) => inputs as object,
      newResource: ({ name, inputs }) => ({ id: name, state: inputs as object }),
    },
    project,
    config.stack,
  );
  pulumi.runtime.setAllConfig({ ...config.all }, [...config.secretKeys]);
}

describe("the configuration inside a Pulumi program", () => {
  afterEach(() => pulumi.runtime.setAllConfig({}));

  it("is what the loader makes of Pulumi's own", async () => {
    await runFor(raw("local", local));
    assert.deepEqual(stackConfig(), load("local", local));
  });

  it("ends the program with an error that Pulumi shows without a stack trace, and that hides secrets", async () => {
    await runFor(raw("local", changed(local, { replicas: "s3cr3t", port: 80 }), ["replicas"]));
    assert.throws(stackConfig, (error: unknown) => {
      assert.ok(pulumi.RunError.isInstance(error));
      assert.match(error.message, /has 2 problems/);
      assert.match(error.message, /rlhf-audit-trail:replicas\n +value: \[secret\]/);
      assert.doesNotMatch(error.message, /s3cr3t/);
      return true;
    });
  });
});
