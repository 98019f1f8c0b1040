import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { liveSlotGuard, refuseLiveSlotChange } from "../../components/liveSlotGuard.ts";
import { slotRoleAnnotation } from "../../components/workload.ts";
import { underMocks } from "./mocks.ts";

interface Change {
  role?: string;
  image?: string;
  env?: unknown;
  replicas?: number;
}

const deployment = ({ role = "live", image = "audit@sha256:old", env = "INFO", replicas = 3 }: Change = {}) => ({
  metadata: { name: "audit-blue", annotations: { [slotRoleAnnotation]: role } },
  spec: { replicas, template: { spec: { containers: [{ name: "audit", image, env: [{ name: "LOG_LEVEL", value: env }] }] } } },
});

describe("The live slot", () => {
  const table: [title: string, recorded: Change, wanted: Change, refusal: RegExp | undefined][] = [
    ["may stay as it is", {}, {}, undefined],
    ["may be scaled", {}, { replicas: 9 }, undefined],
    ["may become idle", {}, { role: "idle" }, undefined],
    [
      "may not get another image in place",
      {},
      { image: "audit@sha256:new" },
      /^audit-blue is the slot that carries traffic; changing its image from audit@sha256:old to audit@sha256:new in place would be a rolling update without a way back\./,
    ],
    ["may not get other settings in place", {}, { env: "DEBUG" }, /changing its pod template in place/],
    [
      "may not lose its image as it becomes idle: that is the way back",
      {},
      { role: "idle", image: "audit@sha256:new" },
      /^audit-blue carries traffic until this switch is done and is the way back after it; changing its image/,
    ],
    ["may get shared settings as it becomes idle, which is written after the switch", {}, { role: "idle", env: "DEBUG" }, undefined],
    ["may get anything while it is idle", { role: "idle" }, { role: "idle", image: "audit@sha256:new", env: "DEBUG" }, undefined],
    ["may get anything as it becomes live, for it is verified first", { role: "idle" }, { role: "live", image: "audit@sha256:new" }, undefined],
    [
      "is believed to be live by both slots after half a switch",
      { role: "live" },
      { role: "live", image: "audit@sha256:new" },
      /set the active slot back and run up once/,
    ],
    ["is judged again in the update where a preview does not know enough", {}, { image: pulumi.runtime.unknownValue }, undefined],
  ];
  for (const [title, recorded, wanted, refusal] of table) {
    it(title, () => {
      const answer = refuseLiveSlotChange(deployment(recorded), deployment(wanted));
      if (refusal === undefined) assert.equal(answer, undefined);
      else assert.match(answer ?? "", refusal);
    });
  }

  it("is compared by content and not by the order of keys", () => {
    const recorded = deployment();
    const { template, replicas } = deployment().spec;
    const [{ image, name, env }] = template.spec.containers as [{ image: string; name: string; env: object }];
    assert.equal(
      refuseLiveSlotChange(recorded, { ...recorded, spec: { template: { spec: { containers: [{ env, image, name }] } }, replicas } as never }),
      undefined,
    );
  });

  it("is nobody's business where no role is recorded", () => {
    assert.equal(refuseLiveSlotChange({}, deployment({ image: "audit@sha256:new" })), undefined);
  });
});

describe("The live slot's guard", () => {
  const ask = async (newInputs: Record<string, unknown>): Promise<void> => {
    const { made } = await underMocks(() => liveSlotGuard("guard"), { preview: true });
    assert.deepEqual(made.opts, { onDryRun: true });
    await made.callback({ urn: "", id: "", name: "", type: "", oldInputs: deployment(), newInputs });
  };

  it("fails the change, in previews too, with the reason", async () => {
    await assert.rejects(ask(deployment({ image: "audit@sha256:new" })), { message: /^audit-blue is the slot that carries traffic/ });
    await ask(deployment({ replicas: 4 }));
  });

  it("sees through secrets, and never shows one", async () => {
    const secretly = (env: string) => ({ ...deployment(), spec: pulumi.secret(deployment({ env }).spec) });
    await ask(secretly("INFO"));
    await assert.rejects(ask(secretly("hunter2")), (error: Error) => {
      assert.match(error.message, /changing its pod template in place/);
      assert(!error.message.includes("hunter2"));
      return true;
    });
  });
});
