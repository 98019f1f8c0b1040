// Preloaded into the processes that the engine starts: what Pulumi's SDK loads at its start for the few who use it (npm's library for functions
// that are shipped, its Automation API, tracing, a compiler for packs that are JavaScript), and others beside it (a YAML parser, zod's fifty languages), is
// loaded when it is first used. A program's own import of any is left as it is.
"use strict";
const { readFileSync } = require("node:fs");
const Module = require("node:module");
const { keptFor } = require("./transpiled.cjs");

const load = Module._load;
const sdk = (file) => new RegExp(`[\\\\/]@pulumi[\\\\/]pulumi[\\\\/]${file.replaceAll("/", "[\\\\/]")}$`);
const npm = (file) => new RegExp(`[\\\\/]node_modules[\\\\/]${file.replaceAll("/", "[\\\\/]")}$`);

/** @type {{ request: RegExp; from: RegExp; standIn: (real: () => any, request: string, parent: NodeJS.Module) => unknown }[]} */
const late = [
  { request: /^@npmcli\/arborist$/, from: sdk(".*"), standIn: module },
  { request: /^\.\/automation$/, from: sdk("index\\.js"), standIn: module },
  { request: /^js-yaml$/, from: sdk("runtime/manifest\\.js"), standIn: module },
  { request: /^glob$/, from: npm("@pulumi/kubernetes/yaml/.*\\.js"), standIn: module },
  { request: /^\.\.\/locales\/index\.cjs$/, from: npm("zod/v4/(classic/external|core/index)\\.cjs"), standIn: module },
  { request: /^normalize-package-data$/, from: sdk("runtime/closure/codePaths\\.js"), standIn: callable },
  { request: /^@opentelemetry\/(?!api$)/, from: sdk("cmd/run/tracing\\.js"), standIn: (real) => new Proxy({}, { get: (_, name) => callable(() => real()[name]) }) },
  { request: /[\\/]typescript-shim$/, from: sdk("runtime/closure/parseFunction\\.js"), standIn: module },
  { request: /[\\/]typescript-shim$/, from: sdk("tsutils\\.js"), standIn: (real) => module(real, { parseConfigFileTextToJson: parseConfig(real) }) },
  { request: /^repl$/, from: npm("ts-node/dist/repl\\.js"), standIn: module },
  { request: /^typescript$/, from: sdk("(tsutils|cmd/run/run|cmd/run-policy-pack/run)\\.js"), standIn: (real, ...whose) => module(real, { version: versionOf(...whose) }) },
  { request: /^ts-node$/, from: sdk("(tsutils|cmd/run/run|cmd/run-policy-pack/run)\\.js"), standIn: (real, ...whose) => module(real, { VERSION: versionOf(...whose), register: registerLate(real, ...whose) }) },
];

Module._load = function (request, parent, isMain) {
  const from = parent?.filename ?? "";
  const found = late.find((one) => one.request.test(request) && one.from.test(from));
  if (found === undefined) return load.call(this, request, parent, isMain);
  // At once where it is not there: its absence is what the SDK looks for.
  Module._resolveFilename(request, parent, isMain);
  let loaded;
  return found.standIn(() => (loaded ??= load.call(Module, request, parent, isMain)), request, parent);
};

/** A module that is loaded when something of it is looked at that is not known already. */
function module(real, known = {}) {
  return new Proxy(
    {},
    {
      // Compiled imports ask this of every module, to know whether to wrap it; a proxy needs no wrapping.
      get: (_, name) => (name === "__esModule" ? true : Object.hasOwn(known, name) ? known[name] : real()[name]),
      has: (_, name) => name in real(),
      ownKeys: () => Reflect.ownKeys(real()),
      getOwnPropertyDescriptor: (_, name) => ({ ...Object.getOwnPropertyDescriptor(real(), name), configurable: true }),
    },
  );
}

/** A function or class that is loaded when it is called, constructed or looked into. */
function callable(real) {
  return new Proxy(function () {}, {
    apply: (_, self, args) => Reflect.apply(real(), self, args),
    construct: (_, args) => Reflect.construct(real(), args),
    // A default import is wrapped unless it says that it is a compiled module.
    get: (_, name) => (name === "__esModule" ? undefined : real()[name]),
  });
}

/** What a package says of its version, without loading it. */
function versionOf(request, parent) {
  const { createRequire, findPackageJSON } = Module;
  const file = findPackageJSON(request, parent.filename);
  return file === undefined ? undefined : createRequire(parent.filename)(file).version;
}

/** What the compiler makes of a tsconfig's text: of plain JSON, what JSON says. */
function parseConfig(real) {
  return (path, text) => {
    try {
      return { config: JSON.parse(text) };
    } catch {
      return real().parseConfigFileTextToJson(path, text);
    }
  };
}

/**
 * Registers ts-node once a TypeScript file comes that it is needed for: most packs have none, and a program's may be kept from the time before. A pack with
 * a tsconfig.json of its own may want more than these files compiled.
 */
function registerLate(real, request, parent) {
  return (options) => {
    const kept = keptFor(options, [versionOf(request, parent), versionOf(options?.compiler ?? "typescript", parent)], process.env["RLHF_ENGINE_TRANSPILED"]);
    if (options?.skipProject !== true && kept === undefined) return real().register(options);
    const before = new Map([".ts", ".cts", ".mts"].map((extension) => [extension, Module._extensions[extension]]));
    const register = () => {
      for (const [extension, own] of before) {
        if (own === undefined) delete Module._extensions[extension];
        else Module._extensions[extension] = own;
      }
      const service = real().register(options);
      if (kept === undefined) return;
      keepOutputs(service, kept);
      showPlaces(kept, parent); // ts-node has its own library for that, which knows its own outputs only
    };
    for (const extension of before.keys()) {
      Module._extensions[extension] = (file, name) => {
        const code = kept?.read(name, readFileSync(name, "utf8"));
        if (code !== undefined) return file._compile(code, name);
        register();
        return Module._extensions[extension](file, name);
      };
    }
    if (kept !== undefined) showPlaces(kept, parent);
  };
}

/** Stack traces name places in the sources, and not in what was made of them. */
function showPlaces(kept, parent) {
  load.call(Module, "source-map-support", parent).install({ retrieveFile: (path) => kept.mapped(path.replace(/^file:\/\//, "")) ?? null });
}

function keepOutputs(service, kept) {
  const { compile } = service;
  service.compile = (source, name, ...more) => {
    const output = compile(source, name, ...more);
    kept.write(name, source, output);
    return output;
  };
}
