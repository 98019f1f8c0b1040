import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { dirname } from "node:path";
import { nodeModules } from "../folders.ts";

/** How many of the client's generated files a module loads, and what it prints besides. */
function load(script: string): { generated: number; server: string } {
  const counting = `
import { registerHooks } from "node:module";
let generated = 0;
registerHooks({ load: (url, context, next) => { if (url.includes("/client-node/dist/gen/")) generated++; return next(url, context); } });
${script}
const config = new KubeConfig();
config.loadFromString("clusters: [{ name: c, cluster: { server: https://there:1 } }]\\nusers: [{ name: u, user: { token: t } }]\\ncontexts: [{ name: x, context: { cluster: c, user: u } }]\\ncurrent-context: x");
const options = {};
await config.applyToHTTPSOptions(options);
console.log(JSON.stringify({ generated, server: config.getCurrentCluster().server + " " + options.headers.Authorization }));
`;
  return JSON.parse(execFileSync(process.execPath, ["--input-type=module", "-e", counting], { cwd: dirname(nodeModules), encoding: "utf8" })) as ReturnType<typeof load>;
}

describe("the reader of kubeconfigs", () => {
  it("comes without the client's generated types, and reads one as it does with them", () => {
    const { generated, ...read } = load('const KubeConfig = await (await import("./engine/kubernetes/kubeConfigClass.ts")).kubeConfigClass();');
    const whole = load('const { KubeConfig } = await import("@kubernetes/client-node");');
    assert.deepEqual(read, { server: "https://there:1 Bearer t" });
    assert.equal(whole.server, read.server);
    assert.ok(whole.generated > 500 && generated < 5, `${whole.generated} and ${generated} files`);
  });
});
