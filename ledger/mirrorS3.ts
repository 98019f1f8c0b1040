/** S3-compatible storage as a mirror. */
import { createHash } from "node:crypto";
import { AwsClient } from "aws4fetch";
import { mirrorError, type Mirror } from "./mirror.ts";

/** Where and as whom. */
export interface S3Place {
  /** `https://storage.example.com`, without bucket; paths are `/BUCKET/KEY`. */
  readonly endpoint: string;
  readonly bucket: string;
  /** Before every key; "" or with a slash at its end. */
  readonly prefix: string;
  /** @default "us-east-1", which storages that know no regions take */
  readonly region?: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Longest wait for one answer. */
const patience = 60_000;

/** A place in a bucket as a mirror. Turn the bucket's versioning or object lock on: then not even its owner can make the mirror forget. */
export function s3Mirror({ endpoint, bucket, prefix, region = "us-east-1", ...credentials }: S3Place): Mirror {
  const place = `s3://${bucket}/${prefix}`;
  const client = new AwsClient({ ...credentials, region, service: "s3", retries: 3 });
  /** Tag of the checkpoint that was read: another's since then is not overwritten. */
  let tag: string | undefined;
  const send = async (method: "GET" | "PUT", key: string, body?: Buffer, headers: Record<string, string> = {}): Promise<Response> => {
    const hash = createHash("sha256").update(body ?? "").digest("hex");
    const url = `${endpoint.replace(/\/$/, "")}/${bucket}/${prefix}${key}`;
    try {
      return await client.fetch(url, { method, headers: { ...headers, "X-Amz-Content-Sha256": hash }, signal: AbortSignal.timeout(patience), ...(body === undefined ? {} : { body: new Uint8Array(body) }) });
    } catch (cause) {
      throw mirrorError(place, `${endpoint} does not answer (${cause instanceof Error ? cause.message : String(cause)})`, cause);
    }
  };
  return {
    place,
    checkpoint: async () => {
      const answer = await send("GET", "checkpoint");
      const text = await answer.text();
      if (answer.ok) {
        tag = answer.headers.get("etag") ?? undefined;
        return text;
      }
      if (answer.status === 404 && codeOf(text) !== "NoSuchBucket") return undefined;
      throw refused(place, "checkpoint", answer.status, text);
    },
    put: async (files, checkpoint) => {
      for (const [path, content] of files) await written(place, path, await send("PUT", path, content, { "Content-Type": "application/jsonl" }));
      const condition: Record<string, string> = tag === undefined ? { "If-None-Match": "*" } : { "If-Match": tag };
      const answer = await send("PUT", "checkpoint", Buffer.from(checkpoint), { ...condition, "Content-Type": "text/plain; charset=utf-8" });
      if (answer.status === 412 || answer.status === 409) throw mirrorError(place, "somebody else mirrored to it at the same time");
      await written(place, "checkpoint", answer);
      tag = answer.headers.get("etag") ?? undefined;
    },
  };
}

async function written(place: string, path: string, answer: Response): Promise<void> {
  const text = await answer.text();
  if (!answer.ok) throw refused(place, path, answer.status, text);
}

function refused(place: string, path: string, status: number, text: string): Error {
  const code = codeOf(text);
  return mirrorError(place, `the storage answers ${status}${code === undefined ? "" : ` ${code}`} to ${path}`);
}

/** The error's name in S3's XML. */
function codeOf(text: string): string | undefined {
  return /<Code>(\w{1,64})<\/Code>/.exec(text)?.[1];
}
