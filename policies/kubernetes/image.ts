/** Container image references. */

/** A parsed reference; absent parts are undefined. */
export interface ImageRef {
  /** Registry host with port; `docker.io` when the reference names none. */
  readonly registry: string;
  /** Repository below the registry; Docker Hub's short names get `library/`. */
  readonly repository: string;
  readonly tag?: string;
  /** `algorithm:hex`. */
  readonly digest?: string;
}

/** SHA-2 digests have one length each; other algorithms are taken as they are. */
const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}|(?!sha256:|sha512:)[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]+)$/;

/** Parses an image reference as container runtimes do. @returns undefined when it isn't one */
export function parseImage(reference: string): ImageRef | undefined {
  const [named = "", digest, ...rest] = reference.split("@");
  if (rest.length > 0 || named === "" || /\s/.test(reference)) return undefined;
  if (digest !== undefined && !DIGEST.test(digest)) return undefined;
  const slash = named.lastIndexOf("/");
  const colon = named.indexOf(":", slash + 1);
  const tag = colon < 0 ? undefined : named.slice(colon + 1);
  const name = colon < 0 ? named : named.slice(0, colon);
  if (tag !== undefined && !/^[\w][\w.-]{0,127}$/.test(tag)) return undefined;
  const first = name.indexOf("/");
  const host = first < 0 ? "" : name.slice(0, first);
  const hasHost = /[.:]/.test(host) || host === "localhost";
  const registry = hasHost ? host : "docker.io";
  const path = hasHost ? name.slice(first + 1) : name;
  if (path === "") return undefined;
  const repository = registry === "docker.io" && !path.includes("/") ? `library/${path}` : path;
  return { registry, repository, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

/**
 * Whether an image stands under an allowed prefix, whole path segments only:
 * `ghcr.io/acme` allows `ghcr.io/acme/app`, not `ghcr.io/acme-evil/app`. A `*` stands for any run of characters.
 */
export function underPrefix(reference: string, prefix: string): boolean {
  const image = parseImage(reference);
  if (!image) return false;
  const full = `${image.registry}/${image.repository}`;
  const clean = prefix.replace(/\/+$/, "");
  if (clean.includes("*")) {
    const pattern = clean.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&")).join(".*");
    return new RegExp(`^${pattern}(/.*)?$`).test(full);
  }
  return full === clean || full.startsWith(`${clean}/`);
}
