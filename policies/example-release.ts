/** Image digest of the example release, for which the example evidence in compliance/ counts. */
export const EXAMPLE_DIGEST = "sha256:f1836ed9b680b92d848e4ddda38c7e8358de493efe22b0dd14a5733beaa2633b";
