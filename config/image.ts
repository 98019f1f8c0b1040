/** A container image, taken apart. */
export interface ImageReference {
  /** Host, with its port where one is given: `ghcr.io`, `localhost:5000`. */
  readonly registry: string;
  /** Path below the registry: `terragonlabs/rlhf-audit-trail`. */
  readonly repository: string;
  readonly tag?: string;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest?: string;
}

const hostLabel = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
// A host is told from a repository's first part by a dot, a port or the name localhost, as container tools do.
const registry = `(?:localhost(?::\\d{1,5})?|${hostLabel}(?:(?:\\.${hostLabel})+(?::\\d{1,5})?|:\\d{1,5}))`;
const part = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const reference = new RegExp(
  `^(${registry})/(${part}(?:/${part})*)(?::([A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`,
);
const allowed = new RegExp(`^${registry}(?:/${part})*$`);

/** Says in words what `parseImage` takes. */
export const imageRule =
  "an image with its registry, as registry/repository@sha256:<64 hexadecimal digits> or registry/repository:tag";

/**
 * Takes an image reference apart. The registry has to be written: a bare `nginx` means different images on different
 * nodes.
 * @returns undefined where the text is not such a reference
 */
export function parseImage(text: string): ImageReference | undefined {
  if (text.length > 512) return undefined;
  const match = reference.exec(text);
  if (match === null) return undefined;
  const [, host, repository, tag, digest] = match;
  if (host === undefined || repository === undefined) return undefined;
  return {
    registry: host,
    repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** Writes an image reference as text; the inverse of `parseImage`. */
export function formatImage(image: ImageReference): string {
  const tag = image.tag === undefined ? "" : `:${image.tag}`;
  const digest = image.digest === undefined ? "" : `@${image.digest}`;
  return `${image.registry}/${image.repository}${tag}${digest}`;
}

/** Whether the text can stand in the list of allowed registries: a registry, or a registry and the start of a path. */
export function isRegistryPrefix(text: string): boolean {
  return text.length <= 255 && allowed.test(text);
}

/** Whether the image lies below a prefix, by whole path parts: `ghcr.io/acme` does not allow `ghcr.io/acme-evil/x`. */
export function isFromAllowedRegistry(image: string, prefixes: readonly string[]): boolean {
  const parsed = parseImage(image);
  if (parsed === undefined) return false;
  const path = `${parsed.registry}/${parsed.repository}`;
  return prefixes.some((prefix) => path === prefix || path.startsWith(`${prefix}/`));
}
