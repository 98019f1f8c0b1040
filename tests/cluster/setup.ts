/** Loaded before the tier's tests: a machine that can't carry a cluster fails the whole tier, in one line. It must not pass by skipping. */
import { ClusterError } from "../../cluster/failure.ts";
import { checkGo, checkPlatform } from "../../cluster/host.ts";

try {
  checkPlatform();
  await checkGo();
} catch (error) {
  if (!(error instanceof ClusterError)) throw error;
  process.stderr.write(`npm run test:cluster can't run here. ${[error.message, error.fix].filter((text) => text !== undefined).join(" ")}\n`);
  process.exit(error.exitCode);
}
