/**
 * What the verification Job runs by default (`node -e`), with nothing but Node.js: rounds of GET /health, /ready and /version on new
 * connections. Until the first round has passed, failures are the network's settling and are asked again; after it, one failure fails
 * the slot. /version answers `{"slot", "digest"}`: the pods behind the Service must be this slot's and run this image. Others' answers are
 * borne for a tenth of the time, at most ten seconds: pods that are being replaced may still end.
 * The first packets to a new Service can be lost, and the kernel would wait a second before it repeats them: until a round has passed, a
 * connection is given up after a quarter of a second, and a quarter later each time.
 * Environment: TARGET, EXPECTED_SLOT, EXPECTED_DIGEST (empty: any), CHECKS, TIMEOUT_SECONDS.
 */
export const verificationScript = `
const http = require("node:http");
const { TARGET, EXPECTED_SLOT, EXPECTED_DIGEST, CHECKS, TIMEOUT_SECONDS } = process.env;
const begun = Date.now();
const end = begun + Number(TIMEOUT_SECONDS) * 1000;
const settleMs = Math.min(10000, Number(TIMEOUT_SECONDS) * 100);
const patienceMs = 5000;
let connectMs = 250;
const get = (path) => new Promise((resolve, reject) => {
  let late = "no connection within " + Math.round(connectMs) + " ms";
  const request = http.get(TARGET + path, { agent: false, timeout: connectMs, headers: { connection: "close" } }, (response) => {
    let body = "";
    response.setEncoding("utf8");
    response.on("data", (chunk) => { if (body.length < 65536) body += chunk; });
    response.on("error", reject);
    response.on("end", () => response.statusCode === 200 ? resolve(body) : reject(new Error(path + " answered " + response.statusCode + ": " + body.slice(0, 500))));
  });
  request.on("socket", (socket) => socket.on("connect", () => {
    late = path + " did not answer within " + patienceMs / 1000 + " s";
    request.setTimeout(patienceMs);
  }));
  request.on("timeout", () => request.destroy(new Error(late)));
  request.on("error", reject);
});
const expect = (what, wanted, got) => {
  if (wanted && got !== wanted) throw Object.assign(new Error("/version says " + what + " " + got + ", expected " + wanted), { foreign: true });
};
const round = async () => {
  await get("/health");
  await get("/ready");
  const version = JSON.parse(await get("/version"));
  expect("slot", EXPECTED_SLOT, version.slot);
  expect("digest", EXPECTED_DIGEST, version.digest);
};
const main = async () => {
  let passed = 0;
  let reason = "nothing asked yet";
  while (passed < Number(CHECKS)) {
    if (Date.now() >= end) throw new Error("not done after " + TIMEOUT_SECONDS + " s, " + passed + " of " + CHECKS + " checks passed: " + reason);
    try {
      await round();
      passed += 1;
      connectMs = patienceMs;
    } catch (error) {
      if (error.foreign ? Date.now() >= begun + settleMs : passed > 0) throw new Error(error.message + " (after " + passed + " of " + CHECKS + " checks)");
      reason = error.message;
      passed = 0;
      connectMs = Math.min(patienceMs, connectMs * 1.25);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  console.log("verified: " + passed + " of " + CHECKS + " checks passed at " + TARGET);
};
main().catch((error) => { console.error("not verified: " + error.message); process.exit(1); });
`.trim();
