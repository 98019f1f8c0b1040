/** Where a ledger is mirrored to, as people write it. */
import { resolve } from "node:path";
import type { Mirror } from "../ledger/mirror.ts";
import { DeliveryError } from "./deliveryError.ts";
import { exitCodes } from "./exitCodes.ts";

/**
 * Opens a mirror; nothing is read yet.
 * @param to `s3://BUCKET/PREFIX` or `git:REPOSITORY#BRANCH`
 * @throws DeliveryError `usage`
 */
export async function openMirror(to: string, { endpoint, region }: { readonly endpoint?: string; readonly region?: string }, env: NodeJS.ProcessEnv): Promise<Mirror> {
  const [, repository, branch] = /^git:(.+)#([A-Za-z0-9][\w./-]*)$/.exec(to) ?? [];
  if (repository !== undefined && branch !== undefined) {
    const { gitMirror } = await import("../ledger/mirrorGit.ts");
    // A path is meant from here; Git works elsewhere.
    return gitMirror(/^[.~/]/.test(repository) ? resolve(repository) : repository, branch);
  }
  const [, bucket, prefix = ""] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([\w!.*'()/-]*))?$/.exec(to) ?? [];
  if (bucket === undefined) throw new DeliveryError(exitCodes.usage, `--to ${to.replace(/\/\/[^/@\s]*@/g, "//")} is no place for a mirror.`, "Write s3://BUCKET/PREFIX or git:REPOSITORY#BRANCH.");
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken } = env;
  if (accessKeyId === undefined || secretAccessKey === undefined) throw new DeliveryError(exitCodes.usage, `Nobody says who writes to s3://${bucket}.`, "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.");
  const { s3Mirror } = await import("../ledger/mirrorS3.ts");
  return s3Mirror({
    endpoint: endpoint ?? `https://s3.${region ?? "us-east-1"}.amazonaws.com`,
    bucket,
    prefix: prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`,
    ...(region === undefined ? {} : { region }),
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
  });
}
