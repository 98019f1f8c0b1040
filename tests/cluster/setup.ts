/** Loaded before the tier's tests: a machine that can't carry a cluster fails the whole tier, in one line. It must not pass by skipping. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClusterError } from "../../cluster/failure.ts";
import { checkGo, checkPlatform, ensurePrograms } from "../../cluster/host.ts";
import { buildParts } from "../../cluster/parts.ts";

try {
  checkPlatform();
  await checkGo();
} catch (error) {
  if (!(error instanceof ClusterError)) throw error;
  process.stderr.write(`npm run test:cluster can't run here. ${[error.message, error.fix].filter((text) => text !== undefined).join(" ")}\n`);
  process.exit(error.exitCode);
}

/** For what a worker's process leaves to the whole run: mocha ends workers within a second. Readable, as servers do not run as root. */
const prefix = join(tmpdir(), "tier-");

/** Builds what is missing before the first test, once for all workers: on a new machine that takes longer than any test may. */
export async function mochaGlobalSetup(): Promise<void> {
  const tell = (line: string): void => void process.stderr.write(`${line}\n`);
  await ensurePrograms(tell);
  await buildParts(tell, "node", "canary", "contour");
  const made = mkdtempSync(prefix);
  chmodSync(made, 0o755);
  process.env["TEST_FOLDER"] = made; // the workers begin after this
}

export function mochaGlobalTeardown(): void {
  rmSync(process.env["TEST_FOLDER"] ?? "", { recursive: true, force: true });
}
