import assert from "node:assert/strict";
import fc from "fast-check";
import { ConfigError, readConfig } from "../../services/audit-trail/config.ts";

const given: Readonly<Record<string, string>> = {
  DATABASE_URL: "postgresql://audit:pg-secret-word@db:5432/audit",
  REDIS_URL: "rediss://:redis-secret-word@cache:6379",
  ENCRYPTION_KEY: "ab".repeat(32),
  ENVIRONMENT: "local",
  MODEL_DIGEST: `sha256:${"d".repeat(64)}`,
};

function problems(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  try {
    readConfig(env);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.problems;
  }
}

describe("services: configuration", () => {
  it("needs five variables and has a default for every other", () => {
    const config = readConfig(given);
    assert.deepEqual(
      [config.PORT, config.ADMIN_HOST, config.ADMIN_PORT, config.LOG_LEVEL, config.DRAIN_DELAY_MS, config.SHUTDOWN_TIMEOUT_MS, config.FAULTS_ENABLED],
      [8000, "127.0.0.1", 8001, "info", 5000, 25_000, false],
    );
  });

  it("reports every problem at once, by variable", () => {
    const found = problems({ PORT: "80a", LOG_LEVEL: "loud", IMAGE_DIGEST: "latest", FAULTS_ENABLED: "true", DRAIN_DELAY_MS: "30000" });
    assert.deepEqual(
      found.map((problem) => problem.slice(0, problem.indexOf(":"))).sort(),
      ["DATABASE_URL", "ENCRYPTION_KEY", "ENVIRONMENT", "FAULTS_ENABLED", "IMAGE_DIGEST", "LOG_LEVEL", "MODEL_DIGEST", "PORT", "REDIS_URL", "SHUTDOWN_TIMEOUT_MS"],
    );
  });

  it("never quotes a value", () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(given), "PORT", "FAULTS", "IMAGE_DIGEST", "SLOT", "LOG_LEVEL"), fc.stringMatching(/^[#%&]{3}[a-z]{12}$/), (name, value) => {
        const found = problems({ ...given, [name]: value });
        assert.ok(found.length > 0, name);
        assert.ok(!found.join().includes(value));
      }),
    );
  });

  it("takes keys as hex and base64, newest first, and refuses short ones", () => {
    const key = Buffer.alloc(32, 0xfb);
    const config = readConfig({ ...given, ENCRYPTION_KEY: `${key.toString("base64")}, ${key.toString("base64url")},${key.toString("hex")}` });
    assert.deepEqual(config.ENCRYPTION_KEY, [key, key, key]);
    for (const short of ["password", "ab".repeat(31), `${"ab".repeat(32)},`, Buffer.alloc(31).toString("base64")]) assert.equal(problems({ ...given, ENCRYPTION_KEY: short }).length, 1, short);
  });

  it("takes the digest out of an image reference, and an empty variable as not set", () => {
    const digest = `sha256:${"e".repeat(64)}`;
    assert.equal(readConfig({ ...given, IMAGE_DIGEST: `ghcr.io/terragonlabs/rlhf-audit-trail@${digest}` }).IMAGE_DIGEST, digest);
    assert.equal(readConfig({ ...given, IMAGE_DIGEST: "", SLOT: "" }).SLOT, undefined);
    assert.equal(problems({ ...given, IMAGE_DIGEST: "ghcr.io/terragonlabs/rlhf-audit-trail:latest" }).length, 1);
  });

  it("allows faults in the local environment only", () => {
    assert.equal(readConfig({ ...given, FAULTS_ENABLED: "true", FAULTS: '{"errorRate":0.2}' }).FAULTS?.errorRate, 0.2);
    for (const ENVIRONMENT of ["staging", "production", "test"]) assert.match(problems({ ...given, ENVIRONMENT, FAULTS_ENABLED: "true" }).join(), /only where ENVIRONMENT is local/);
    assert.match(problems({ ...given, FAULTS: "{}" }).join(), /no effect without FAULTS_ENABLED/);
    for (const FAULTS of ["{", '{"errorrate":1}', '{"errorRate":1.5}', "[]"]) assert.ok(problems({ ...given, FAULTS_ENABLED: "true", FAULTS }).length > 0, FAULTS);
  });

  it("knows the names of log levels in other languages", () => {
    assert.equal(readConfig({ ...given, LOG_LEVEL: "INFO" }).LOG_LEVEL, "info");
    assert.equal(readConfig({ ...given, LOG_LEVEL: "WARNING" }).LOG_LEVEL, "warn");
  });
});
