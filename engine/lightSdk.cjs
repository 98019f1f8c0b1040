// Preloaded into the processes that the engine starts: what Pulumi's SDK does for debugging only is done when somebody looks. Measured, it
// was a seventh of the processor time of a preview.
"use strict";
const Module = require("node:module");

/** The SDK keeps a stack for each of its promises, to name those that leak: it is mapped to sources when it is printed. */
const keptStacks = /[\\/]@pulumi[\\/]pulumi[\\/]runtime[\\/]debuggable\.js$/;
let lazily;
Object.defineProperty(Error, "prepareStackTrace", {
  configurable: true,
  get: () => lazily,
  set: (value) => {
    lazily =
      typeof value === "function"
        ? (error, frames) => {
            if (!keptStacks.test(frames[0]?.getFileName() ?? "")) return value(error, frames);
            let text;
            return { toString: () => (text ??= value(error, frames)) };
          }
        : value;
  },
});

/** Debug messages, several for each resource, are a call of the engine each; they are shown with --debug only, which sets this. */
if (process.env["RLHF_ENGINE_DEBUG"] !== "true") {
  const log = /[\\/]@pulumi[\\/]pulumi[\\/]log[\\/]index\.js$/;
  const load = Module._load;
  Module._load = function (request, parent, isMain) {
    const loaded = load.call(this, request, parent, isMain);
    if (/(^|[\\/])log([\\/]index(\.js)?)?$/.test(request) && log.test(Module._resolveFilename(request, parent, isMain))) loaded.debug = () => Promise.resolve();
    return loaded;
  };
}
