// Preloaded into the processes that the engine starts: npm's own library, which Pulumi's SDK loads at its start for the packages of functions
// that are shipped, is loaded when it is first used: few programs and no policy packs ship any. A program's own import of it is left as it is.
"use strict";
const Module = require("node:module");

const late = new Set(["@npmcli/arborist"]);
const sdk = /[\\/]@pulumi[\\/]pulumi[\\/]/;
const load = Module._load;

Module._load = function (request, parent, isMain) {
  if (!late.has(request) || !sdk.test(parent?.filename ?? "")) return load.call(this, request, parent, isMain);
  // At once where it is not there: its absence is what the SDK looks for.
  Module._resolveFilename(request, parent, isMain);
  let loaded;
  const module = () => (loaded ??= load.call(Module, request, parent, isMain));
  return new Proxy(
    {},
    {
      // Compiled imports ask this of every module, to know whether to wrap it; a proxy needs no wrapping.
      get: (_, name) => (name === "__esModule" ? true : module()[name]),
      has: (_, name) => name in module(),
      ownKeys: () => Reflect.ownKeys(module()),
      getOwnPropertyDescriptor: (_, name) => ({ ...Object.getOwnPropertyDescriptor(module(), name), configurable: true }),
    },
  );
};
