import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { dirname } from "node:path";
import { nodeModules } from "../engine/folders.ts";

/** How many files of the engine's gRPC are loaded with modules of `delivery/`. */
function grpcFilesOf(modules: readonly string[]): number {
  const script = `
import { registerHooks } from "node:module";
let files = 0;
registerHooks({ load: (url, context, next) => { if (url.includes("/node_modules/@grpc/")) files++; return next(url, context); } });
for (const name of ${JSON.stringify(modules)}) await import("./" + name);
console.log(files);
`;
  return Number(execFileSync(process.execPath, ["--input-type=module", "-e", script], { cwd: dirname(nodeModules), encoding: "utf8" }));
}

describe("what a command loads", () => {
  it("is not the engine before the traffic has moved back: it takes as long as all the rest", () => {
    assert.equal(grpcFilesOf(["delivery/openRelease.ts", "delivery/rollBack.ts", "delivery/canaryRelease.ts", "delivery/stackStatus.ts"]), 0);
    assert.ok(grpcFilesOf(["engine/stackUpdate.ts"]) > 10, "the engine has gRPC, so the count can fail");
  });
});
