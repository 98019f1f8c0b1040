/** What users of a canary's stack are served: after a release that was taken back, the configuration may name another version. */
import { type ApiClient, ApiError } from "../engine/kubernetes/client.ts";
import { listAt, objectPath, textAt } from "./kubernetes.ts";
import type { RunningCanary } from "./stack.ts";

/**
 * The image of the primary's container that runs the stack's image; the stack's own where there is no primary yet.
 * @returns a reference with its digest
 */
export async function servedImage(client: ApiClient, { canary, namespace, image }: RunningCanary, signal: AbortSignal): Promise<string> {
  const get = (path: string) => client.request("GET", path, { signal });
  try {
    const live = await get(objectPath(canary.apiVersion, "canaries", namespace, textAt(canary, "metadata", "name")));
    const primary = await get(objectPath("apps/v1", "deployments", namespace, `${textAt(live, "spec", "targetRef", "name")}-primary`));
    const images = listAt(primary, "spec", "template", "spec", "containers").map((container) => textAt(container, "image"));
    return images.find((one) => repositoryOf(one) === repositoryOf(image)) ?? image;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return image;
    throw error;
  }
}

const repositoryOf = (image: string): string => image.split("@")[0] ?? "";
