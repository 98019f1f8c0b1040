declare const BUNDLED_VERSION: string | undefined;
declare const BUNDLED_MODEL_DIGEST: string | undefined;

/** The version that `build.mjs` put into the bundle (from the root package.json); "0.0.0-source" when run from source. */
export const serviceVersion: string = typeof BUNDLED_VERSION === "string" ? BUNDLED_VERSION : "0.0.0-source";

/** `sha256:…` of the reward model that was bundled beside this code; undefined when run from source. */
export const bundledModelDigest: string | undefined = typeof BUNDLED_MODEL_DIGEST === "string" ? BUNDLED_MODEL_DIGEST : undefined;
