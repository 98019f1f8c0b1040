import { DeliveryError } from "./deliveryError.ts";
import { exitCodes } from "./exitCodes.ts";

/**
 * Checks an image reference: a name, perhaps a tag, and a digest, without which nobody could say later what was released.
 * @throws DeliveryError `usage`
 */
export function checkImage(image: string): string {
  const name = image.split("@")[0] ?? "";
  if (/^[a-z0-9]([a-z0-9._:/-]*[a-z0-9])?(:[\w.-]+)?@sha256:[0-9a-f]{64}$/.test(image)) return image;
  const why = image.includes("@") ? "what stands after @ is no digest of the form sha256:<64 hexadecimal digits>" : "it names no digest, and a tag can be moved at any time";
  throw new DeliveryError(exitCodes.usage, `"${image}" can't be released: ${why}. Nothing was changed.`, `Write ${name === "" ? "NAME" : name}@sha256:<digest>; the build prints it, and \`npm run cluster -- image\` for the local cluster.`);
}

/** `sha256:…` of a reference that has one. */
export const digestOf = (image: string): string => image.slice(image.indexOf("@") + 1);

/** The same image's name with another digest; a tag is left out, as it names another version. */
export const withDigest = (image: string, digest: string): string => `${(image.split("@")[0] ?? "").replace(/:[^/:]*$/, "")}@${digest}`;
