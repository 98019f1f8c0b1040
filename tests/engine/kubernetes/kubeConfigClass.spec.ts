import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { dirname } from "node:path";
import { nodeModules } from "../folders.ts";

/** How many of the client's generated files and of those for proxies a way to load it loads, and how clusters are reached then. */
function load(script: string): { generated: number; forProxies: number; direct: string; proxied: string[] } {
  const counting = `
import { registerHooks } from "node:module";
let [generated, forProxies] = [0, 0];
registerHooks({ load: (url, context, next) => { if (url.includes("/client-node/dist/gen/")) generated++; if (/node_modules.(undici|hpagent|socks)/.test(url)) forProxies++; return next(url, context); } });
${script}
const atFirst = forProxies;
async function reach(server, proxyUrl) {
  const config = new KubeConfig();
  config.loadFromString(JSON.stringify({ clusters: [{ name: "c", cluster: { server, "proxy-url": proxyUrl } }], users: [{ name: "u", user: { token: "t" } }], contexts: [{ name: "x", context: { cluster: "c", user: "u" } }], "current-context": "x" }));
  const options = {};
  await config.applyToHTTPSOptions(options);
  const { proxy } = options.agent;
  return [config.getCurrentCluster().server, options.headers.Authorization, options.agent.constructor.name, proxy?.href ?? proxy?.host].join(" ");
}
const direct = await reach("https://there:1");
console.log(JSON.stringify({ generated, forProxies: atFirst, direct, proxied: [await reach("https://there:1", "http://proxy:1"), await reach("http://there:1", "http://proxy:1"), await reach("https://there:1", "socks5://proxy:1")] }));
`;
  return JSON.parse(execFileSync(process.execPath, ["--input-type=module", "-e", counting], { cwd: dirname(nodeModules), encoding: "utf8" })) as ReturnType<typeof load>;
}

describe("the reader of kubeconfigs", () => {
  it("comes without the client's generated types and what only proxies need, and reads one as it does with them", () => {
    const { generated, forProxies, ...read } = load('const KubeConfig = await (await import("./engine/kubernetes/kubeConfigClass.ts")).kubeConfigClass();');
    const whole = load('const { KubeConfig } = await import("@kubernetes/client-node");');
    assert.deepEqual(read, { direct: "https://there:1 Bearer t Agent ", proxied: whole.proxied });
    assert.equal(whole.direct, read.direct);
    assert.deepEqual(read.proxied.map((one) => one.split(" ")[3]), ["HttpsProxyAgent", "HttpProxyAgent", "SocksProxyAgent"]);
    assert.ok(whole.forProxies > 50 && forProxies === 0, `${whole.forProxies} and ${forProxies} files`);
    assert.ok(whole.generated > 500 && generated < 5, `${whole.generated} and ${generated} files`);
  });
});
