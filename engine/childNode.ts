/**
 * Flags of the Node processes that run programs and packs: a small young generation. They load a large SDK once and then allocate little
 * at a time; with V8's own sizes each holds some 80 MB more, and is no faster.
 */
export const childNodeFlags: readonly string[] = ["--max-semi-space-size=4"];
