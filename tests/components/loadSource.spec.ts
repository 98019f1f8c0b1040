import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Labels, loadSelector, selects, servingSelector, slotSelector } from "../../components/labels.ts";
import { loadScript, objectionsToLoad } from "../../components/loadSource.ts";
import { args, build } from "./canaryStack.ts";
import { at, type Inputs, one } from "./mocks.ts";

describe("The load source", () => {
  it("asks the Service of the canary alone, from a pod that no Service and no budget selects, and is not awaited", async () => {
    const { registered } = await build({ load: { requestsPerSecond: 7, path: "/ask" }, servicePort: 81 }, false);
    const { inputs } = one(registered, "Deployment", "audit-load");
    assert.deepEqual(at(inputs, "metadata.annotations"), { "pulumi.com/skipAwait": "true" });
    const container = at(inputs, "spec.template.spec.containers.0") as Inputs;
    assert.deepEqual(container["env"], [{ name: "TARGET", value: "http://audit-canary:81/ask" }, { name: "RATE", value: "7" }]);
    assert.equal(container["image"], args.image);
    const labels = at(inputs, "spec.template.metadata.labels") as Labels;
    assert(!selects(servingSelector("audit"), labels) && !selects(slotSelector("audit"), labels));
    assert(selects(at(inputs, "spec.selector.matchLabels") as Labels, labels) && selects(loadSelector("audit"), labels));
  });

  it("keeps its rate, whatever becomes of its requests, and ends when it is told", async () => {
    let asked = 0;
    const server = createServer((request, response) => {
      asked += 1;
      if (asked % 3 === 0) request.socket.destroy();
      else response.writeHead(asked % 3 === 1 ? 500 : 200).end();
      if (asked === 12) child.kill("SIGTERM");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const target = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    // Its probes' port may be taken on this machine; the script is run with another.
    const child = spawn(process.execPath, ["-e", loadScript.replace("8080", "0")], { env: { TARGET: target, RATE: "50" }, stdio: "ignore" });
    const code = await new Promise((resolve) => child.once("exit", resolve));
    server.closeAllConnections();
    server.close();
    assert.deepEqual([code, asked >= 12], [0, true]);
  });

  it("refuses rates and paths that make no sense", () => {
    assert.deepEqual(objectionsToLoad({ requestsPerSecond: 0, path: "version" }).map(({ path }) => path), ["load.requestsPerSecond", "load.path"]);
    assert.deepEqual(objectionsToLoad({}), []);
  });
});
